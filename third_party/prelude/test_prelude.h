// What nearly every test includes, too; see prelude.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
