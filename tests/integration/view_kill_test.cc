// Real processes, real gRPC, real disk: a server is killed at random instants while an operator
// does something to its read models and a device pushes. It always comes back with every view, goes
// on or begins anew, and in the end every build of every view has the rows that a fold from the
// first event gives.
//
// INTENTLOG_SEED chooses the instants (printed); INTENTLOG_KILLS how many.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>

#include "client/wire/admin_client.h"
#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/compare.h"
#include "projections/engine/view_records.h"
#include "projections/views/commerce_views.h"
#include "server/options.h"
#include "tests/integration/child.h"

namespace intentlog::integration {
namespace {

constexpr int kPatience = 2000;  // looks, of 10 ms

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::vector<std::string> ViewNames() {
  std::vector<std::string> names;
  for (const auto& view : CommerceViews()) names.push_back(view->info().name);
  return names;
}

// What an operator does to a view; one more is an entry of Actions(). It is begun, and the server
// dies at some instant of its time.
struct Action {
  std::string name;
  std::function<bool(const OperateViewReply& view)> fits;
  std::function<absl::Status(const std::string& address, const std::string& view)> run;
  uint64_t micros;  // within which it is killed
};

absl::StatusOr<OperateViewReply> Operate(const std::string& address, const std::string& view,
                                         ViewAction action, uint64_t events_per_second = 0) {
  OperateViewRequest request;
  request.set_tenant("default");
  request.set_view(view);
  request.set_action(action);
  request.set_workers(2);
  request.set_events_per_second_max(events_per_second);
  return AdminClient({.address = address}).OperateView(request);
}

Action Operated(const std::string& name, ViewAction action, uint64_t micros,
                std::function<bool(const OperateViewReply& view)> fits) {
  return {name, std::move(fits),
          [action](const std::string& address, const std::string& view) {
            return Operate(address, view, action).status();
          },
          micros};
}

std::vector<Action> Actions() {
  return {
      // Slowly enough that most instants are in the middle of it.
      {"rebuild",
       [](const OperateViewReply& view) {
         return !view.rebuilding() && !view.record().shadow_follows();
       },
       [](const std::string& address, const std::string& view) -> absl::Status {
         ASSIGN_OR_RETURN(const OperateViewReply state,
                          Operate(address, view, VIEW_ACTION_UNSPECIFIED));
         return Operate(address, view, REBUILD_VIEW, 4 * state.head()).status();
       },
       350'000},
      Operated("activate", ACTIVATE_VIEW, 12'000,
               [](const OperateViewReply& view) { return view.record().shadow_follows(); }),
      Operated("rollback", ROLL_BACK_VIEW, 12'000,
               [](const OperateViewReply& view) { return view.record().has_previous(); }),
      Operated("cancel", CANCEL_VIEW_REBUILD, 12'000,
               [](const OperateViewReply& view) { return view.record().has_shadow(); }),
  };
}

class ViewKillTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = Cat(testing::TempDir(), "/view-kill-", getpid());
    const uint64_t seed = Setting("INTENTLOG_SEED", 1);
    random_ = std::make_unique<SeededRandom>(seed);
    std::cout << "seed " << seed << "\n";
  }

  void StartServer() {
    server_ = std::make_unique<Child>(std::vector<std::string>{
        "tools/intentlog", "serve", "--data", dir(), "--listen",
        port_.empty() ? "127.0.0.1:0" : "127.0.0.1:" + port_, "--rebuild-commit-bytes", "65536"});
    const std::string line = server_->FirstLine();
    const size_t at = line.find("127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << "the server did not start: " << line;
    port_ = line.substr(at + 10, line.find_first_not_of("0123456789", at + 10) - at - 10);
  }
  void StartDevice() {
    device_ = std::make_unique<Child>(std::vector<std::string>{
        "tests/integration/kill_device", root_ + "/till", "till", "127.0.0.1:" + port_});
  }
  std::string dir() const { return root_ + "/server"; }
  std::string address() const { return "127.0.0.1:" + port_; }
  ReaderClient Reader() const { return ReaderClient({.address = address()}, "default"); }

  OperateViewReply StateOf(const std::string& view) const {
    const auto reply = Operate(address(), view, VIEW_ACTION_UNSPECIFIED);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(OperateViewReply());
  }
  template <class Condition>
  void Await(const char* what, Condition condition) {
    for (int i = 0; i < kPatience; ++i) {
      if (condition()) return;
      if (device_ != nullptr) device_->Output();  // so that its pipe has room
      usleep(10'000);
    }
    FAIL() << "never: " << what;
  }
  void AwaitFolded(uint64_t events_min) {
    Await("folded", [&] {
      const auto stats = Reader().Stats();
      return stats.ok() && stats->view_position() >= events_min;
    });
  }

  void KillDuringSomeAction();
  void ExpectEveryView();
  void ExpectEqualShadows();
  void ExpectFoldFromTheFirstEvent();
  void ExpectEqualToWhatWasLiveBefore();
  std::string HashOfDump(const std::string& view, const std::string& more) const;

  const std::vector<Action> actions_ = Actions();
  const std::vector<std::string> views_ = ViewNames();
  std::vector<std::string> operated_;  // of them: few for few kills, so that each goes a long way
  std::string root_, port_;
  std::unique_ptr<Random> random_;
  const std::unique_ptr<Executor> operator_ = MakeThreadExecutor("operator");
  std::unique_ptr<Child> server_, device_;
  std::map<std::string, int> kills_;  // by action, and by what was found after them
};

void ViewKillTest::KillDuringSomeAction() {
  const Action* action = nullptr;
  std::string view;
  while (action == nullptr) {
    view = operated_[random_->Below(operated_.size())];
    const OperateViewReply state = StateOf(view);
    const Action& one = actions_[random_->Below(actions_.size())];
    if (one.fits(state)) action = &one;
    if (HasFailure()) return;
  }
  const auto done = std::make_shared<std::promise<void>>();
  operator_->Post([done, action, address = address(), view] {
    action->run(address, view).IgnoreError();  // it may or may not hear of it
    done->set_value();
  });
  usleep(static_cast<useconds_t>(random_->Below(action->micros)));
  server_->Kill();
  done->get_future().wait();
  device_->Output();
  StartServer();
  ++kills_[action->name];
  if (HasFatalFailure()) return;
  ExpectEveryView();
  const OperateViewReply after = StateOf(view);
  if (action->name != "rebuild") return;
  const bool has = after.record().has_shadow();
  ++kills_[!has                              ? "  not begun"
           : after.record().shadow_follows() ? "  ready"
           : after.through() > 0             ? "  goes on in the middle"
                                             : "  begins anew"];
}

void ViewKillTest::ExpectEveryView() {
  const auto listed = Reader().ListViews();
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(static_cast<size_t>(listed->views_size()), views_.size());
  for (const ViewInfo& view : listed->views()) {
    EXPECT_GT(view.version(), 0u) << view.name() << " is missing";
    EXPECT_FALSE(view.scopes().empty()) << view.name();
  }
  const auto row = Reader().GetRow("stock", "product-0", ReadAt());
  EXPECT_TRUE(row.ok() && row->found()) << row.status();
}

// Shadows are finished, and must be as the live builds.
void ViewKillTest::ExpectEqualShadows() {
  for (const std::string& view : operated_) {
    if (!StateOf(view).record().has_shadow()) {
      const auto begun = Operate(address(), view, REBUILD_VIEW);
      ASSERT_TRUE(begun.ok()) << view << ": " << begun.status();
    }
    Await("rebuilt", [&] {
      const OperateViewReply state = StateOf(view);
      return !state.rebuilding() && state.record().shadow_follows();
    });
    const auto compared = Operate(address(), view, COMPARE_VIEW);
    ASSERT_TRUE(compared.ok()) << compared.status();
    EXPECT_TRUE(compared->equal()) << view << ": " << compared->ShortDebugString();
  }
}

std::string ViewKillTest::HashOfDump(const std::string& view, const std::string& more) const {
  Child child({"/bin/sh", "-c",
               Cat("tools/intentlog view dump ", view, " --tsv --server ", address(), more,
                   " | sha256sum")});
  return child.FirstLine();
}

// Live builds are what the log's events come to, folded once more by a process of its own.
void ViewKillTest::ExpectFoldFromTheFirstEvent() {
  const auto stats = Reader().Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  for (const std::string& view : operated_) {
    const std::string live = HashOfDump(view, "");
    EXPECT_EQ(live, HashOfDump(view, Cat(" --at ", stats->head()))) << view;
    EXPECT_EQ(live.find('-'), live.size() - 1) << live;
  }
  std::cout << stats->head() << " events\n";
}

// Of a server that has ended.
void ViewKillTest::ExpectEqualToWhatWasLiveBefore() {
  StoreOptions options;
  options.role = "server-views";
  const auto store = Store::Open(ServerViewsDir(dir(), "default"), options);
  ASSERT_TRUE(store.ok()) << store.status();
  int previous = 0;
  for (const std::string& view : views_) {
    const auto record = ReadViewRecord(**store, view);
    ASSERT_TRUE(record.ok() && record->has_value()) << view;
    if (!(*record)->has_previous()) continue;
    ++previous;
    const auto found =
        CompareBuilds(*(*store)->Snapshot(), (*record)->build(), (*record)->previous().build(), 1);
    EXPECT_TRUE(found.ok() && found->equal) << "what was live before of " << view;
  }
  std::cout << previous << " views have a build to roll back to, equal to the live one\n";
}

TEST_F(ViewKillTest, NoKillLosesAViewOrMakesBuildsDiffer) {
  StartServer();
  StartDevice();
  AwaitFolded(5'000);
  const uint64_t kills = Setting("INTENTLOG_KILLS", 8);
  operated_ = views_;
  operated_.resize(std::min<size_t>(views_.size(), 1 + kills / 8));
  for (uint64_t kill = 0; kill < kills && !HasFailure(); ++kill) KillDuringSomeAction();
  device_ = nullptr;
  ASSERT_FALSE(HasFailure());
  const auto stats = Reader().Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  AwaitFolded(stats->head());
  ExpectEqualShadows();
  ExpectFoldFromTheFirstEvent();
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(), 0);
  ExpectEqualToWhatWasLiveBefore();
  std::cout << "FIGURE kill -9 cycles: " << kills << "\n";
  for (const auto& [what, count] : kills_) std::cout << count << " " << what << "\n";
}

}  // namespace
}  // namespace intentlog::integration
