// What this binary is: version, commit, and the formats that it reads and writes.
#pragma once

#include <string>

namespace intentlog {

// Three lines, for `intentlog --version`.
std::string VersionText();

}  // namespace intentlog
