// What nearly every file of Intentlog includes, compiled once and read back by each
// (//third_party:prelude.bzl). Only compiling becomes faster by it: a file still includes all that
// it uses, which shows where --define=prelude=off is given (tools/coverage does).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/message.h"
#include "proto/commerce.pb.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "proto/sync.pb.h"
#include "proto/views.pb.h"
