#include "tools/demo_story/demo_command.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/json.h"
#include "tools/commands/signals.h"
#include "tools/commands/terminal.h"
#include "tools/demo_story/report.h"
#include "tools/demo_story/story_clones.h"
#include "tools/demo_story/story_conflicts.h"
#include "tools/demo_story/story_market_day.h"
#include "tools/import/device_folders.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;

struct Options {
  StoryOptions story;
  uint64_t devices = 8;
  bool keep = false;
  bool json = false;
};

// Where the story's data lies, and whether it is ours to remove.
class Place {
 public:
  // `dir` absent or empty, or "" for a new temporary folder.
  static absl::StatusOr<Place> Make(const std::string& dir) {
    std::error_code error;
    if (dir.empty()) {
      std::string temporary = (fs::temp_directory_path(error) / "intentlog-demo-XXXXXX").string();
      if (mkdtemp(temporary.data()) == nullptr) {
        return Unavailable("no temporary folder can be made at ", temporary);
      }
      return Place(temporary, true);
    }
    const bool absent = !fs::exists(dir, error);
    if (!absent && !fs::is_empty(dir, error)) {
      return FailedPrecondition(dir, ": is not empty; choose a folder that is absent or empty");
    }
    fs::create_directories(dir, error);
    if (error) return Unavailable(dir, ": cannot be made: ", error.message());
    return Place(dir, absent);
  }

  const std::string& dir() const { return dir_; }
  void Remove() const {
    std::error_code error;
    if (whole_) {
      fs::remove_all(dir_, error);
      return;
    }
    for (const auto& entry : fs::directory_iterator(dir_, error)) {
      fs::remove_all(entry.path(), error);
    }
  }

 private:
  Place(std::string dir, bool whole) : dir_(std::move(dir)), whole_(whole) {}

  std::string dir_;
  bool whole_;  // the folder itself is ours
};

// One bar at a time, on a terminal.
class Progress {
 public:
  void Show(std::string_view label, uint64_t done, uint64_t total) {
    if (label != label_) {
      bar_.reset();
      label_ = label;
      bar_ = std::make_unique<ProgressBar>(label_, total);
    }
    bar_->Update(done);
  }
  void Clear() { bar_.reset(); }

 private:
  std::string label_;
  std::unique_ptr<ProgressBar> bar_;
};

absl::Status CheckOptions(const Options& options) {
  const std::string& story = options.story.story;
  if (story == "market-day" || story == "disaster" || story == "clones") return absl::OkStatus();
  if (story == "conflicts") {
    if (options.story.data.empty()) return absl::OkStatus();
    return WrongUsage("the story \"conflicts\" takes no --data: it makes its own day");
  }
  return WrongUsage("no story \"", story, "\"; there are: market-day, conflicts, disaster, clones");
}

// Leaves the data where something is to be looked at.
absl::Status LeaveOrRemove(const Options& options, bool converged, const Place& place) {
  std::fflush(stdout);
  if (options.keep || !converged) {
    std::fprintf(stderr, "data stayed in %s\n", place.dir().c_str());
  } else {
    place.Remove();
  }
  return converged ? absl::OkStatus() : ExplainedFailure();
}

absl::Status Tell(const Options& options, const StoryResult& result, const Place& place) {
  if (options.json) {
    PrintJson(StoryJson(result));
  } else {
    PrintStory(result);
  }
  return LeaveOrRemove(options, result.converged(), place);
}

absl::Status DemoConflicts(const Options& options, const Place& place) {
  StopSignal stop;
  ConflictsResult result;
  const absl::Status status = RunConflicts(
      options.story, [&] { return stop.Wait(absl::ZeroDuration()); }, &result);
  if (!status.ok()) return StatusOf(status.code(), status, "; data stayed in ", place.dir());
  if (options.json) {
    PrintJson(ConflictsJson(result));
  } else {
    PrintConflicts(result);
  }
  return LeaveOrRemove(options, result.problems.empty(), place);
}

absl::Status DemoClones(const Options& options, const Place& place) {
  StopSignal stop;
  ClonesResult result;
  const absl::Status status = RunClones(
      options.story, [&] { return stop.Wait(absl::ZeroDuration()); }, &result);
  if (!status.ok()) return StatusOf(status.code(), status, "; data stayed in ", place.dir());
  if (options.json) {
    PrintJson(ClonesJson(result));
  } else {
    PrintClones(result);
  }
  return LeaveOrRemove(options, result.problems.empty(), place);
}

absl::Status Demo(Options options) {
  RETURN_IF_ERROR(CheckOptions(options));
  options.story.devices = static_cast<int>(options.devices);
  if (!options.story.data.empty()) {  // before anything is made
    RETURN_IF_ERROR(ByteSource::Open(options.story.data).status());
  }
  ASSIGN_OR_RETURN(const Place place, Place::Make(options.story.dir));
  options.story.dir = place.dir();
  if (options.story.story == "conflicts") return DemoConflicts(options, place);
  if (options.story.story == "clones") return DemoClones(options, place);
  StopSignal stop;
  Progress progress;
  StoryResult result;
  const absl::Status status = RunMarketDay(
      options.story, [&] { return stop.Wait(absl::ZeroDuration()); },
      [&](std::string_view label, uint64_t done, uint64_t total) {
        progress.Show(label, done, total);
      },
      &result);
  progress.Clear();
  if (status.ok()) return Tell(options, result, place);
  if (absl::IsInvalidArgument(status) && !options.keep) {
    place.Remove();  // the input was refused: nothing worth looking at
    return status;
  }
  return StatusOf(status.code(), status, "; data stayed in ", place.dir());
}

}  // namespace

void RegisterDemo(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(app, "demo",
                 "Tell a story with real processes, and prove at its end that all hold the same.");
  AddText(command, "--story", &options->story.story,
          "market-day, which is the default, conflicts, disaster or clones");
  AddText(command, "--data", &options->story.data,
          "order lines (.csv, .csv.xz, .csv.gz, .csv.zst) instead of a made-up day");
  AddNumber(command, "--devices", &options->devices, 1, kDevicesMax,
            "how many shops; 8 unless given");
  AddNumber(command, "--seed", &options->story.seed, 0, uint64_t{1} << 62,
            "of the made-up day; 1 unless given");
  AddText(command, "--dir", &options->story.dir,
          "where data goes: absent or empty (default: a new temporary folder)");
  AddFlag(command, "--keep", &options->keep,
          "leave DIR/server and DIR/device-1 … DIR/device-N behind");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Demo(*options); });
}

}  // namespace intentlog
