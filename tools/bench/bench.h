// What a benchmark of `intentlog bench` is, and where it works. Each measures one promise of the
// system beside its ceiling or a peer, in interleaved runs on the same disk. Used on the main
// thread, one benchmark after another.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/bench_row.h"

namespace intentlog::bench {

// A folder on the disk that is measured, and what the benchmarks of one run share there.
class BenchContext {
 public:
  // `data_file`: real order lines, for benchmarks that take them; empty: made ones.
  explicit BenchContext(std::string dir, std::string data_file = "")
      : dir_(std::move(dir)), data_file_(std::move(data_file)) {}

  const std::string& data_file() const { return data_file_; }

  // A path below the folder; whatever lay there is gone.
  absl::StatusOr<std::string> Fresh(std::string_view name) const;
  // A path below the folder that `make` fills at the first call of this run, and nobody changes.
  using Make = std::function<absl::Status(const std::string& path)>;
  absl::StatusOr<std::string> Once(std::string_view name, const Make& make);
  // A file below the folder that takes what child processes say on stderr.
  std::string child_log() const { return dir_ + "/children.log"; }
  // One line on stderr: what runs now.
  void Say(std::string_view line) const;

 private:
  const std::string dir_;
  const std::string data_file_;
  std::set<std::string> made_;
};

using BenchFunction = std::function<absl::StatusOr<std::vector<BenchRow>>(BenchContext&)>;

struct Bench {
  std::string name;   // as on the command line
  std::string about;  // one line
  BenchFunction run;
};

}  // namespace intentlog::bench
