// A block in a Feed, and on devices, may be packed: compressed whole, to about a fifth. The layout
// is drawn in FORMAT.md.
//
//   BlockPacker packer;
//   send(packer.Pack(block));
//   BlockUnpacker unpacker;
//   ASSIGN_OR_RETURN(BlockView block, unpacker.Parse(bytes));  // packed or plain
//
// Both are thread-compatible, and keep their memory from one block to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/log/block.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace intentlog {

// StoreIdentity.format of a store that holds one.
inline constexpr uint32_t kPackedFormat = 2;

bool IsPacked(std::string_view block);

class BlockPacker {
 public:
  BlockPacker();
  ~BlockPacker();

  // `block` packed; `block` itself if it is small, or packing saves little. Valid until the next
  // call, and as long as `block`.
  std::string_view Pack(std::string_view block);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;  // made when it is needed
  std::string packed_;
};

class BlockUnpacker {
 public:
  BlockUnpacker();
  ~BlockUnpacker();

  // The block in `bytes`, packed or plain. It is valid until the next call, and as long as `bytes`.
  // DATA_LOSS as BlockView::Parse, or if it does not unpack, or claims to be larger than its bytes
  // may make it: 512 KiB and eight times as many.
  absl::StatusOr<BlockView> Parse(std::string_view bytes);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;  // made when it is needed
  std::string block_;
};

}  // namespace intentlog
