#include "eventlog/log/memory_engine.h"

#include "eventlog/log/engine_conformance.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class MemoryHarness {
 public:
  Engine& engine() { return engine_; }
  void Reopen() { engine_.Reopen(); }

 private:
  MemoryEngine engine_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, EngineConformanceTest, MemoryHarness);

TEST(MemoryEngineTest, I6_AFailedAppendIsInDoubtUntilItIsReopened) {
  for (const bool takes_effect : {false, true}) {
    MemoryEngine engine;
    const Term term = engine.Fence("shop").value();
    EngineAppend append;
    append.blocks.push_back({Position(1), Position(1), "a"});
    engine.FailNextAppend(absl::UnavailableError("no power"), takes_effect);
    EXPECT_EQ(engine.Append("shop", term, append).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(engine.Append("shop", term, append).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(engine.Head("shop")->position, Position());
    engine.Reopen();
    EXPECT_EQ(engine.Head("shop")->position, Position(takes_effect ? 1 : 0));
    EXPECT_EQ(engine.Append("shop", term, append).ok(), !takes_effect);
  }
}

}  // namespace
}  // namespace intentlog
