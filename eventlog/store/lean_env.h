// The machine's files for simulated schedules on RocksDB, which open stores some ten times each:
// without the file of all options, which RocksDB writes whenever it opens a store or makes a column
// family, and reads again to compare (a quarter of such a schedule; nothing else reads it), and
// without setting aside room for what files may grow to (a tenth).
#pragma once

namespace rocksdb {
class Env;
}

namespace intentlog {

// One for all, for good. Thread-safe.
rocksdb::Env* LeanEnv();

}  // namespace intentlog
