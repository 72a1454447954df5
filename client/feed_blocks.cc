#include "client/feed_blocks.h"

#include "eventlog/log/coding.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

std::string FeedKey(std::string_view scope, Position position) {
  std::string key = Cat('f', scope, '\0');
  AppendBig64(key, position.value());
  return key;
}

absl::Status ForEachFeedBlock(const Store& store, std::string_view scope, Position from,
                              UseBlock use) {
  const std::string prefix = Cat('f', scope, '\0');
  const auto row = store.Scan(Space::kLog);
  BlockUnpacker unpacker;
  for (row->Seek(FeedKey(scope, from));
       row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Next()) {
    auto block = unpacker.Parse(row->value());
    if (!block.ok()) {
      return DataLoss(store.dir(), ": feed of scope \"", scope, "\": ", block.status());
    }
    ASSIGN_OR_RETURN(const bool more, use(*block, row->value().size()));
    if (!more) return absl::OkStatus();
  }
  return row->status();
}

}  // namespace intentlog
