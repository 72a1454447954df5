// A SnapshotClient gives the snapshots of a running server as bases of as-of folds. Every call
// blocks, has a deadline, and fails with one line that names the address.
//
// Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/wire/channel_settings.h"
#include "projections/asof/as_of_base.h"

namespace intentlog {

class SnapshotClient final : public AsOfBases {
 public:
  // `timeout` is for each call.
  SnapshotClient(const WireOptions& options, std::string tenant,
                 absl::Duration timeout = absl::Seconds(60));
  ~SnapshotClient() override;

  // Reads the view's rows and checks them; one that is damaged is left for the next older one. Null
  // also from a server that knows no snapshots, or if the rows take more than `bytes_max` as they
  // are sent.
  absl::StatusOr<std::unique_ptr<AsOfBase>> Nearest(const ProjectionInfo& view,
                                                    Position at) override;

  static constexpr uint64_t bytes_max = uint64_t{1} << 30;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
