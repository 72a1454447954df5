// A Poisoned projection is another one that fails at some (event, key), always the same ones, until
// it is cured: for tests.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "projections/engine/projection.h"
#include "projections/engine/read_models.h"

namespace intentlog {

class Poisoned final : public Projection {
 public:
  // Of the pairs, about one in `one_in` is poison.
  Poisoned(std::shared_ptr<const Projection> healthy, uint64_t one_in,
           std::shared_ptr<const bool> cured)
      : healthy_(std::move(healthy)), one_in_(one_in), cured_(std::move(cured)) {}

  ProjectionInfo info() const override { return healthy_->info(); }
  void Keys(const Event& event, KeySink& keys) const override { healthy_->Keys(event, keys); }
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    const uint64_t last = key.empty() ? 0 : static_cast<unsigned char>(key.back());
    const bool poison = (event.position.value() * 31 + key.size() * 7 + last) % one_in_ == 0;
    if (poison && !*cured_) return absl::InvalidArgumentError("poison");
    return healthy_->Apply(event, key, row);
  }
  bool merges() const override { return healthy_->merges(); }
  absl::Status Merge(const Row& other, Row& row) const override {
    return healthy_->Merge(other, row);
  }
  std::vector<std::string> Columns() const override { return healthy_->Columns(); }
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    return healthy_->Print(row, columns);
  }

 private:
  const std::shared_ptr<const Projection> healthy_;
  const uint64_t one_in_;
  const std::shared_ptr<const bool> cured_;
};

inline Projections PoisonedViews(const Projections& healthy, uint64_t one_in,
                                 const std::shared_ptr<const bool>& cured) {
  Projections views;
  for (const auto& view : healthy) {
    views.push_back(std::make_shared<Poisoned>(view, one_in, cured));
  }
  return views;
}

}  // namespace intentlog
