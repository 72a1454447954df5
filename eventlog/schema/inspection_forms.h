// A second domain, for tests: the inspection forms of technicians who work where there is no
// network. Every rule occurs. It is made at run time and never compiled in.
#pragma once

#include <string>

namespace intentlog {

// A serialized google.protobuf.FileDescriptorSet of package `inspection`. The entity of all types
// is `form`, by `form_id`.
std::string InspectionForms();

}  // namespace intentlog
