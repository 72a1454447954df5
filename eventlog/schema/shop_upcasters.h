// The upcasters of the shop's event types, and with them all that this program was built with.
#pragma once

#include "eventlog/schema/upcast.h"

namespace intentlog {

const Upcasters& ShopUpcasters();

}  // namespace intentlog
