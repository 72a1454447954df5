// Where RocksDB tells of itself, for those who look for the cause of a failure: its warnings and
// errors, in DIR/LOG, the ones before in DIR/LOG.old. A disk that can not take them is no failure.
// (RocksDB's own logger goes on writing to a file that has failed, and that ends the process.)
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace rocksdb {
class Env;
class Logger;
}  // namespace rocksdb

namespace intentlog {

// Two files of at most `bytes_max` each. Nothing is made before there is something to tell. `env`
// must outlive it. Thread-safe.
std::shared_ptr<rocksdb::Logger> MakeInfoLog(rocksdb::Env* env, std::string dir,
                                             size_t bytes_max = 1 << 20);
// Tells nothing to anyone.
std::shared_ptr<rocksdb::Logger> MakeSilentLog();

}  // namespace intentlog
