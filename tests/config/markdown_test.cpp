// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/example.h"

namespace vdd::test {
namespace {

using ::testing::HasSubstr;

TEST(Markdown, OneRowAFieldAndOneTableASection) {
  const std::string page = config::write_markdown(config::schema_of<ExampleConfig>(), "example");
  EXPECT_TRUE(page.starts_with("## example\n\n| key | type | default | allowed | meaning |\n"));
  EXPECT_THAT(page, HasSubstr("| `steps` | int | `10` | in [1, 1000] | updates |\n"));
  EXPECT_THAT(
      page,
      HasSubstr("| `size` | list of int | `[64, 128]` | a multiple of 64; 2 elements | height"));
  EXPECT_THAT(page,
              HasSubstr("| `note` | string or null | `null` |  | free text \\| of any kind |\n"));
  EXPECT_THAT(page, HasSubstr("\n### `optimizer`\nThe optimizer.\n\n| key |"));
  EXPECT_THAT(page, HasSubstr("| `optimizer.lr` | float | `1e-05` | > 0 | peak learning rate |\n"));
  EXPECT_THAT(page, HasSubstr("\n### `sources`: a list\n"));
  EXPECT_THAT(page, HasSubstr("| `sources.N.kind` | string | `vkitti2` | one of vkitti2, hypersim, "
                              "video | layout |\n"));
  EXPECT_THAT(page, HasSubstr("| `kinds` | list of string | `[video]` | one of vkitti2, hypersim, "
                              "video; not empty | layouts"));
  EXPECT_THAT(page, HasSubstr("| `fallback` | string or null | `null` | one of vkitti2, hypersim, "
                              "video | layout of"));
}

}  // namespace
}  // namespace vdd::test
