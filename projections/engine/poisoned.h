// A Poisoned projection is another one that fails where a test says so: for tests.
//
//   auto views = PoisonedViews(CommerceViews(), OneIn(40));
#pragma once

#include <functional>
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
  using Poison = std::function<bool(Position position, std::string_view key)>;

  Poisoned(std::shared_ptr<const Projection> healthy, Poison poison)
      : healthy_(std::move(healthy)), poison_(std::move(poison)) {}

  ProjectionInfo info() const override { return healthy_->info(); }
  void Keys(const Event& event, KeySink& keys) const override { healthy_->Keys(event, keys); }
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    if (poison_(event.position, key)) return absl::InvalidArgumentError("poison");
    return healthy_->Apply(event, key, row);
  }
  bool merges() const override { return healthy_->merges(); }
  absl::Status Merge(const Row& other, Row& row) const override {
    return healthy_->Merge(other, row);
  }
  std::vector<std::string> Indexes() const override { return healthy_->Indexes(); }
  void IndexKeys(size_t index, std::string_view key, const Row& row, KeySink& keys) const override {
    healthy_->IndexKeys(index, key, row, keys);
  }
  std::vector<std::string> Columns() const override { return healthy_->Columns(); }
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    return healthy_->Print(row, columns);
  }

 private:
  const std::shared_ptr<const Projection> healthy_;
  const Poison poison_;
};

// Always the same ones, whatever folds them; never what is pending.
inline Poisoned::Poison OneIn(uint64_t n) {
  return [n](Position position, std::string_view key) {
    const uint64_t last = key.empty() ? 0 : static_cast<unsigned char>(key.back());
    return position != Position() && (position.value() * 31 + key.size() * 7 + last) % n == 0;
  };
}

inline Projections PoisonedViews(const Projections& healthy, const Poisoned::Poison& poison) {
  Projections views;
  for (const auto& view : healthy) views.push_back(std::make_shared<Poisoned>(view, poison));
  return views;
}

}  // namespace intentlog
