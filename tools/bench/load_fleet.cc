#include "tools/bench/load_fleet.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"
#include "tools/bench/load_streams.h"

namespace intentlog::bench {
namespace {

// A server that gives no receipt for so long is stuck.
constexpr std::chrono::seconds kPatience(60);

std::string RowKey(const LogId& log, uint64_t count) {
  std::string key(log.bytes());
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(count >> shift));
  return key;
}

std::unique_ptr<EventStream> EventsOf(const LoadFleetOptions& options, int till) {
  if (options.events) return options.events(till);
  if (options.lines) return std::make_unique<LineStream>(options.lines(till));
  return std::make_unique<OrderStream>(
      OrderStreamOptions{.seed = options.seed, .till = till, .lines = options.lines_per_till});
}

// What all tills tell the thread that waits for them.
struct Progress {
  void Add(int tills) {
    const std::lock_guard<std::mutex> lock(mutex);
    ready += tills;
    changed.notify_all();
  }
  void Fail(absl::Status status) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (failure.ok()) failure = std::move(status);
    changed.notify_all();
  }
  absl::Status WaitFor(int tills) {
    std::unique_lock<std::mutex> lock(mutex);
    const bool in_time =
        changed.wait_for(lock, kPatience, [&] { return ready >= tills || !failure.ok(); });
    ready = 0;
    if (!failure.ok()) return failure;
    return in_time ? absl::OkStatus() : Unavailable("the server has not answered for a minute");
  }

  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0;         // protected by mutex
  absl::Status failure;  // protected by mutex
};

class Till {
 public:
  Till(const LoadFleetOptions& options, int number, Random& random, Progress& progress)
      : options_(options),
        number_(number),
        scope_(Cat(options.scope_prefix, number % options.shops + 1)),
        log_(RandomId<LogIdTag>(random)),
        intents_(EventsOf(options, number), scope_,
                 options.seed * 7919 + static_cast<uint64_t>(number)),
        progress_(progress) {}

  absl::Status Connect(LoadStreams& streams, Random& random) {
    ASSIGN_OR_RETURN(stream_, streams.Connect(
                                  options_.address, options_.method,
                                  [this](std::string_view bytes) { OnMessage(bytes); },
                                  [this](const absl::Status& status) {
                                    progress_.Fail(Unavailable("till ", number_, ": ", status));
                                  }));
    bare() ? progress_.Add(1) : SayHello(random);
    return absl::OkStatus();
  }

  int Prepare(int frames, LoadFleet::Rows* rows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    frames_.clear();
    for (int i = 0; i < frames; ++i) {
      if (!PrepareFrame(rows)) break;
    }
    return static_cast<int>(frames_.size());
  }
  void Push() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (frames_.empty()) return progress_.Add(1);
    PushMore();
  }

 private:
  struct Frame {
    std::string framed;
    uint64_t last_count = 0;
    size_t bytes = 0;
  };

  void SayHello(Random& random) {
    DeviceFrame frame;
    Hello& hello = *frame.mutable_hello();
    hello.set_protocol(1);
    hello.set_tenant("default");
    hello.set_device(Cat(options_.name_prefix, number_));
    hello.set_instance(random.Bytes(16));
    DeviceLog& log = *hello.add_logs();
    log.set_log_id(std::string(log_.bytes()));
    hello.set_schema_digest(ShopSchema()->digest());
    hello.set_wall_time_us(SystemClock().WallMicros());
    hello.set_app_version("bench");
    stream_->Write(LoadStreams::Framed(frame.SerializeAsString()));
  }
  bool bare() const { return options_.method != kDeviceSyncMethod; }

  // False if there are no more lines.
  bool PrepareFrame(LoadFleet::Rows* rows) {
    DeviceFrame frame;
    class Push& push = *frame.mutable_push();
    push.set_log_id(std::string(log_.bytes()));
    push.set_first_count(count_ + 1);
    if (count_ > 0) push.set_hash_before(std::string(Bytes(hash_)));
    IntentStream::Made made;
    for (int i = 0; i < options_.intents_per_frame && intents_.Next(made); ++i) {
      std::string bytes = std::move(made.bytes);
      hash_ = NextLogHash(hash_, bytes);
      ++count_;
      if (rows != nullptr) rows->emplace_back(RowKey(log_, count_), bytes);
      push.add_intents(std::move(bytes));
    }
    if (push.intents().empty()) return false;
    const std::string bytes = frame.SerializeAsString();
    frames_.push_back({LoadStreams::Framed(bytes), count_, bytes.size()});
    return true;
  }

  // REQUIRES: mutex_ is held.
  void PushMore() {
    while (!frames_.empty() && in_flight_.size() < static_cast<size_t>(options_.frames_in_flight) &&
           (in_flight_.empty() || in_flight_bytes_ + frames_.front().bytes <= window_bytes_)) {
      Frame& next = frames_.front();
      stream_->Write(std::move(next.framed));
      in_flight_bytes_ += next.bytes;
      in_flight_.emplace_back(next.last_count, next.bytes);
      frames_.pop_front();
    }
  }

  void OnMessage(std::string_view bytes) {
    if (bare()) return OnBareAnswer();
    if (!incoming_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return progress_.Fail(Unavailable("the server sent what is no frame"));
    }
    switch (incoming_.frame_case()) {
      case ServerFrame::kWelcome:
        window_bytes_ = incoming_.welcome().limits().push_window_bytes();
        return progress_.Add(1);
      case ServerFrame::kReceipts:
        return OnReceipts(incoming_.receipts());
      case ServerFrame::kFeed:
      case ServerFrame::kDigest:
        return;
      default:
        progress_.Fail(Unavailable("till ", number_, ": ", incoming_.ShortDebugString()));
    }
  }

  void OnReceipts(const Receipts& receipts) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const ReceiptRun& run : receipts.runs()) {
      if (run.decision() != ACCEPTED && run.decision() != MERGED) {
        return progress_.Fail(Unavailable("a line was refused: ", run.ShortDebugString()));
      }
      receipted_ += run.length();
    }
    GoOn();
  }
  void OnBareAnswer() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!in_flight_.empty()) receipted_ = in_flight_.front().first;
    GoOn();
  }

  // REQUIRES: mutex_ is held.
  void GoOn() {
    while (!in_flight_.empty() && in_flight_.front().first <= receipted_) {
      in_flight_bytes_ -= in_flight_.front().second;
      in_flight_.pop_front();
    }
    PushMore();
    if (receipted_ == count_) progress_.Add(1);
  }

  const LoadFleetOptions& options_;
  const int number_;
  const std::string scope_;
  const LogId log_;
  IntentStream intents_;
  Progress& progress_;
  ServerFrame incoming_;
  size_t window_bytes_ = 0;

  std::mutex mutex_;  // protects all below
  std::deque<Frame> frames_;
  std::deque<std::pair<uint64_t, size_t>> in_flight_;  // last count, bytes
  size_t in_flight_bytes_ = 0;
  uint64_t count_ = 0;  // prepared
  uint64_t receipted_ = 0;
  ChainValue hash_ = {};
  LoadStreams::Stream* stream_ = nullptr;
};

}  // namespace

struct LoadFleet::Rep {
  explicit Rep(const LoadFleetOptions& options_in) : options(options_in) {}

  const LoadFleetOptions options;
  Progress progress;
  std::vector<Rows> rows;
  std::vector<std::unique_ptr<Till>> tills;
  LoadStreams streams;  // last: its end waits for what calls the tills
};

LoadFleet::LoadFleet(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
LoadFleet::~LoadFleet() = default;

absl::StatusOr<std::unique_ptr<LoadFleet>> LoadFleet::Connect(const LoadFleetOptions& options) {
  auto rep = std::make_unique<Rep>(options);
  const std::unique_ptr<Random> random = MakeSystemRandom();
  for (int i = 0; i < options.tills; ++i) {
    rep->tills.push_back(std::make_unique<Till>(rep->options, i, *random, rep->progress));
    RETURN_IF_ERROR(rep->tills.back()->Connect(rep->streams, *random));
  }
  RETURN_IF_ERROR(rep->progress.WaitFor(options.tills));
  return std::unique_ptr<LoadFleet>(new LoadFleet(std::move(rep)));
}

int LoadFleet::Prepare(int frames) {
  int prepared = 0;
  rep_->rows.assign(rep_->tills.size(), {});
  for (size_t i = 0; i < rep_->tills.size(); ++i) {
    prepared += rep_->tills[i]->Prepare(frames, rep_->options.keep_rows ? &rep_->rows[i] : nullptr);
  }
  return prepared;
}

absl::Status LoadFleet::Push() {
  for (const auto& till : rep_->tills) till->Push();
  return rep_->progress.WaitFor(rep_->options.tills);
}

const std::vector<LoadFleet::Rows>& LoadFleet::rows() const { return rep_->rows; }

}  // namespace intentlog::bench
