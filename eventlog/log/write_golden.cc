// Writes the golden files of the current format into a folder. Run once for each format version, by
// hand; files that exist are never written again:
//
//   bazel run //eventlog/log:write_golden -- "$PWD/eventlog/log/testdata"
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "eventlog/log/golden.h"
#include "eventlog/log/packed_block.h"

namespace {

bool Write(const std::string& path, const std::string& bytes) {
  if (std::filesystem::exists(path)) {
    std::cerr << path << " exists; it stays as it is\n";
    return true;
  }
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_golden DIR\n";
    return 2;
  }
  const std::string dir = argv[1];
  using namespace intentlog;
  return Write(dir + "/block_v1_log.bin", GoldenBlock(GoldenLogEvents())) &&
                 Write(dir + "/block_v1_feed.bin", GoldenBlock(GoldenFeedEvents())) &&
                 Write(dir + "/block_v2_feed.bin",
                       std::string(BlockPacker().Pack(GoldenBlock(GoldenManyEvents()))))
             ? 0
             : 1;
}
