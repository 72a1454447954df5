// A swarm is one run of a whole fleet by one seed: phase 1 injects faults while people work, and
// safety is checked; phase 2 heals everything, and all must settle within a bound.
#pragma once

#include <cstdint>
#include <string>

namespace intentlog::simulation {

struct SwarmOptions {
  bool in_memory = true;  // else on RocksDB, without what only a disk in memory can do
  bool tell = false;      // prints what happens
};

struct SwarmResult {
  std::string problems;  // a line each that begins with a checker's name; empty: all is well
  uint64_t trace_hash = 0;
  uint64_t trace_steps = 0;
  uint64_t events = 0;  // in the server's log
};

SwarmResult RunSeed(uint64_t seed, const SwarmOptions& options = {});

}  // namespace intentlog::simulation
