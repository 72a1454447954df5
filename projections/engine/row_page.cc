#include "projections/engine/row_page.h"

#include <climits>
#include <memory>
#include <optional>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "proto/store.pb.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

// A token: form (1), hash of the rest (8, big-endian), ScanToken.
constexpr char kForm = 1;
constexpr size_t kHeadBytes = 9;

uint64_t HashOf(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t RangeHash(const RowRange& range) {
  std::string bytes;
  for (const std::string* key : {&range.from, &range.to, &range.prefix}) {
    AppendBig64(bytes, key->size());
    bytes += *key;
  }
  return HashOf(bytes);
}

std::string TokenBytes(const PageSource& source, const RowRange& range, const MergedRow& last) {
  ScanToken token;
  token.set_view(std::string(source.view));
  token.set_version(source.version);
  token.set_build(source.build);
  token.set_index(range.index);
  token.set_range(RangeHash(range));
  token.set_index_key(last.index_key);
  token.set_key(last.key);
  const std::string body = token.SerializeAsString();
  std::string bytes(1, kForm);
  AppendBig64(bytes, HashOf(body));
  return bytes + body;
}

std::string IndexText(const std::string& index) {
  return index.empty() ? "by row key" : Cat("by index ", Quoted(index));
}

absl::StatusOr<std::optional<RowPlace>> PlaceOf(const PageSource& source,
                                                const PageWanted& wanted) {
  const std::string_view bytes = wanted.after;
  if (bytes.empty()) return std::optional<RowPlace>();
  ScanToken token;
  if (bytes.size() < kHeadBytes || bytes.size() > INT_MAX || bytes[0] != kForm ||
      LoadBig64(bytes.substr(1)) != HashOf(bytes.substr(kHeadBytes)) ||
      !token.ParseFromArray(bytes.data() + kHeadBytes,
                            static_cast<int>(bytes.size() - kHeadBytes))) {
    return Invalid("this is no token of a scan, or a damaged one: begin the scan anew");
  }
  if (token.view() != source.view) {
    return Invalid("the token is of a scan of view ", Quoted(token.view()), ", not of ",
                   source.view);
  }
  if (token.index() != wanted.range.index) {
    return Invalid("the token is of a scan of view ", source.view, " ", IndexText(token.index()),
                   ", not ", IndexText(wanted.range.index));
  }
  if (token.range() != RangeHash(wanted.range)) {
    return Invalid("the token is of a scan of view ", source.view,
                   " with other bounds: name the same from, to and prefix");
  }
  return std::optional<RowPlace>({token.index_key(), token.key()});
}

}  // namespace

absl::StatusOr<RowPage> ReadPage(const PageSource& source, const PageWanted& wanted) {
  INTENTLOG_CHECK(wanted.rows_max > 0);
  ASSIGN_OR_RETURN(const std::optional<RowPlace> after, PlaceOf(source, wanted));
  ASSIGN_OR_RETURN(const std::unique_ptr<RowCursor> cursor,
                   source.scan(wanted.range, after ? &*after : nullptr));
  RowPage page;
  page.position = source.position;
  page.version = source.version;
  for (size_t bytes = 0;;) {
    ASSIGN_OR_RETURN(const MergedRow* row, cursor->Next());
    if (row == nullptr) return page;
    if (page.rows.size() == wanted.rows_max || (bytes >= wanted.bytes_max && bytes > 0)) {
      page.more = TokenBytes(source, wanted.range, page.rows.back());
      return page;
    }
    bytes += row->key.size() + row->index_key.size() + row->row.message()->ByteSizeLong();
    page.rows.push_back({row->key, RowAccess::Copy(row->row), row->index_key});
  }
}

}  // namespace intentlog
