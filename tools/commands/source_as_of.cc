#include "tools/commands/source_as_of.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/asof/find_time.h"
#include "tools/commands/command.h"

namespace intentlog {
namespace {

constexpr uint64_t kLookRows = 1000;

// The source's ordered events; pending ones, which come after them, are not in the log yet.
ReadLog LogOf(Source& source) {
  return [&source](Position from, uint64_t limit, const TakeEvent& take) {
    return source.ReadEvents({.from = from, .limit = limit}, [&](const EventRef& event) {
      return event.position != Position() && take(event);
    });
  };
}

class SourceAsOf final : public Source {
 public:
  SourceAsOf(std::unique_ptr<Source> inner, Position at, std::string view,
             std::unique_ptr<FoldWatch> watch)
      : Source(inner->domain()),
        watch_(std::move(watch)),
        inner_(std::move(inner)),
        at_(at),
        only_(std::move(view)) {}

  absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) override {
    return inner_->ReadEvents(wanted, take);
  }
  absl::StatusOr<Reach> EventsThrough() override { return inner_->EventsThrough(); }
  absl::StatusOr<Json> Stats() override { return inner_->Stats(); }
  absl::StatusOr<Verified> Verify() override { return inner_->Verify(); }

  absl::StatusOr<std::vector<ViewSummary>> Views() override {
    std::vector<ViewSummary> views;
    for (const auto& projection : domain().projections) {
      const ProjectionInfo info = projection->info();
      if (!only_.empty() && info.name != only_) continue;
      ASSIGN_OR_RETURN(const ReadModels* rows, Folded(info.name));
      ASSIGN_OR_RETURN(std::vector<ScopeState> scopes, rows->Scopes(info.name));
      views.push_back({info.name, info.version, std::move(scopes)});
    }
    return views;
  }

  absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) override {
    ASSIGN_OR_RETURN(const ReadModels* rows, Folded(view));
    ASSIGN_OR_RETURN(const auto cursor, rows->Scan(view));
    for (uint64_t taken = 1;; ++taken) {
      ASSIGN_OR_RETURN(const MergedRow* row, cursor->Next());
      if (row == nullptr) return at_;
      RETURN_IF_ERROR(take(row->key, row->row));
      if (watch_ != nullptr && taken % kLookRows == 1) RETURN_IF_ERROR(watch_->Look());
    }
  }

  absl::StatusOr<std::optional<Row>> Get(const std::string& view, const std::string& key) override {
    ASSIGN_OR_RETURN(const ReadModels* rows, Folded(view));
    return rows->Get(view, key);
  }

  absl::StatusOr<RowPage> Page(const std::string& view, const PageWanted& wanted) override {
    ASSIGN_OR_RETURN(const ReadModels* rows, Folded(view));
    return rows->Page(view, wanted);
  }

  // The view's rows through at_.
  absl::StatusOr<const ReadModels*> Folded(const std::string& view) {
    std::unique_ptr<AsOf>& as_of = views_[view];
    if (as_of != nullptr) return &as_of->rows();
    AsOfOptions options;
    if (watch_ != nullptr) {
      options.progress = [this](Position through) { return watch_->Update(through); };
    }
    ASSIGN_OR_RETURN(auto opened, OpenAsOf(*inner_, view, options, at_));
    if (opened->began() != Position()) {
      std::fprintf(stderr, "%s: from the snapshot of position %s\n", view.c_str(),
                   Cat(opened->began()).c_str());
    }
    RETURN_IF_ERROR(opened->FoldThrough(at_));
    if (watch_ != nullptr) RETURN_IF_ERROR(watch_->Look());
    as_of = std::move(opened);
    return &as_of->rows();
  }

 private:
  const std::unique_ptr<FoldWatch> watch_;
  const std::unique_ptr<Source> inner_;
  const Position at_;
  const std::string only_;  // empty: all
  std::map<std::string, std::unique_ptr<AsOf>> views_;
};

absl::Status ScopeTooShort(const std::string& what, const Reach& reach) {
  return FailedPrecondition(what, ": this device has scope \"", reach.scope, "\" through position ",
                            reach.all, " only; sync it, or ask for that or less with --at");
}

absl::Status CheckHeld(const Reach& reach) {
  if (reach.held_after == Position()) return absl::OkStatus();
  return FailedPrecondition("of scope \"", reach.held_scope,
                            "\" this device keeps only what comes after position ",
                            reach.held_after, ": ask a server about the past");
}

}  // namespace

absl::Status CheckAt(Source& source, Position at) {
  ASSIGN_OR_RETURN(const Reach reach, source.EventsThrough());
  RETURN_IF_ERROR(CheckHeld(reach));
  if (at <= reach.all) return absl::OkStatus();
  if (reach.scope.empty()) {
    return FailedPrecondition("position ", at, " is beyond the head of the log, ", reach.all);
  }
  return ScopeTooShort(Cat("position ", at), reach);
}

absl::StatusOr<Position> PositionAt(Source& source, int64_t time_us) {
  ASSIGN_OR_RETURN(const Reach reach, source.EventsThrough());
  RETURN_IF_ERROR(CheckHeld(reach));
  ASSIGN_OR_RETURN(const TimeFound found, FindTime(LogOf(source), reach.last, time_us));
  // The log's last position of that time is not above this.
  const Position most = found.next == Position() ? found.last : Position(found.next.value() - 1);
  if (most <= reach.all) return found.last;
  return ScopeTooShort("that moment", reach);
}

absl::StatusOr<int64_t> ParseMoment(std::string_view text) {
  constexpr int64_t kMicros = 1000;
  int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (number && millis >= 0 && millis <= INT64_MAX / kMicros) return millis * kMicros;
  absl::Time time;
  std::string why;
  if (absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &why)) {
    return absl::ToUnixMicros(time);
  }
  return WrongUsage("\"", text,
                    "\" is no moment: give one as 2026-03-01T10:00:00Z, or in milliseconds since "
                    "1970");
}

absl::StatusOr<std::unique_ptr<AsOf>> OpenAsOf(Source& source, const std::string& view,
                                               const AsOfOptions& options, Position at) {
  RETURN_IF_ERROR(source.FindView(view).status());
  const Projections& all = source.domain().projections;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto& one) { return one->info().name == view; });
  ASSIGN_OR_RETURN(AsOfBases* const bases, source.Bases());
  return AsOf::Open(*found, source.domain().schema, LogOf(source), options, bases, at);
}

absl::StatusOr<std::unique_ptr<Source>> OpenSourceAsOf(std::unique_ptr<Source> inner, Position at,
                                                       std::string view,
                                                       std::unique_ptr<FoldWatch> watch) {
  auto source = std::make_unique<SourceAsOf>(std::move(inner), at, view, std::move(watch));
  if (!view.empty()) RETURN_IF_ERROR(source->Folded(view).status());
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace intentlog
