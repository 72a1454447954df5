// The upcasters of parcels.proto, for tests, and schemas of the past.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "eventlog/schema/schema.h"
#include "eventlog/schema/upcast.h"

namespace intentlog {

inline constexpr char kParcelType[] = "parcels.ParcelWeighed";

// Of version 1, whose weight is "12 kg", and of version 2, where it is in grams.
Upcasters ParcelUpcasters();
std::shared_ptr<const Schema> ParcelSchema();

// The schema as it was when this type had version 1, loaded alone: payloads are not of generated
// code. REQUIRES: it has former versions.
std::shared_ptr<const Schema> AtVersionOne(const Schema& schema, std::string_view type);

}  // namespace intentlog
