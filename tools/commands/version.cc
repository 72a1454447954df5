#include "tools/commands/version.h"

#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"

namespace intentlog {

// Defined in stamp.cc, which is compiled anew each time a program is linked.
extern const char kCommit[];

namespace {
constexpr char kVersion[] = "0.1.0";
constexpr int kBlockFormat = 2;
constexpr int kProtocol = 1;
}  // namespace

std::string VersionText() {
  return Cat("intentlog ", kVersion, "\ncommit ", std::string_view(kCommit), "\nformats: store ",
             kStoreFormat, ", block ", kBlockFormat, ", sync protocol ", kProtocol);
}

}  // namespace intentlog
