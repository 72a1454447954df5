#include "tools/bench/query_load.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

// The queries are to be some load, not all that a core can do.
constexpr std::chrono::microseconds kRest(500);

}  // namespace

struct QueryLoad::Rep {
  Rep(const std::string& address, std::vector<Key> the_keys)
      : reader({.address = address}, "default"), keys(std::move(the_keys)) {}

  absl::Status Ask(const Key& key) const {
    ASSIGN_OR_RETURN(const GetRowReply reply, reader.GetRow(key.view, key.key, ReadAt()));
    if (reply.found()) return absl::OkStatus();
    return DataLoss("view ", key.view, " has no row \"", key.key, "\"");
  }

  void Run() {
    SeededRandom random(1);
    std::unique_lock<std::mutex> lock(mutex);
    while (!ending && failure.ok()) {
      lock.unlock();
      const Stopwatch watch;
      const absl::Status status = Ask(keys[random.Below(keys.size())]);
      const double took = watch.Seconds();
      lock.lock();
      failure = status;
      seconds.push_back(took);
      ++ended;
      changed.notify_all();
      lock.unlock();
      std::this_thread::sleep_for(kRest);
      lock.lock();
    }
  }

  const ReaderClient reader;
  const std::vector<Key> keys;
  std::mutex mutex;  // protects all below
  std::condition_variable changed;
  std::vector<double> seconds;
  size_t ended = 0;
  bool ending = false;
  absl::Status failure;
  std::thread thread;  // last: uses all of the others
};

QueryLoad::QueryLoad(const std::string& address, std::vector<Key> keys)
    : rep_(std::make_unique<Rep>(address, std::move(keys))) {
  rep_->thread = std::thread([rep = rep_.get()] { rep->Run(); });
}

QueryLoad::~QueryLoad() {
  {
    const std::lock_guard<std::mutex> lock(rep_->mutex);
    rep_->ending = true;
  }
  rep_->thread.join();
}

absl::Status QueryLoad::WaitFor(size_t count) {
  std::unique_lock<std::mutex> lock(rep_->mutex);
  rep_->changed.wait(lock, [&] { return rep_->seconds.size() >= count || !rep_->failure.ok(); });
  return rep_->failure;
}

absl::StatusOr<std::vector<double>> QueryLoad::Take() {
  std::unique_lock<std::mutex> lock(rep_->mutex);
  const size_t before = rep_->ended;
  rep_->changed.wait(lock, [&] { return rep_->ended > before || !rep_->failure.ok(); });
  RETURN_IF_ERROR(rep_->failure);
  return std::exchange(rep_->seconds, {});
}

}  // namespace intentlog::bench
