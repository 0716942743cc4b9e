// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/markdown.h"

#include "scalar_text.h"
#include "vdd/core/text.h"
#include "visit.h"

namespace vdd::config {
namespace {

template <typename T>
constexpr std::string_view kTypeName;
template <>
constexpr std::string_view kTypeName<bool> = "bool";
template <>
constexpr std::string_view kTypeName<std::int64_t> = "int";
template <>
constexpr std::string_view kTypeName<double> = "float";
template <>
constexpr std::string_view kTypeName<std::string> = "string";

struct Row {
  std::string type;
  std::string value;
};

struct DescribeValue {
  template <typename T>
  Row operator()(T* value) const {
    return {std::string(kTypeName<T>), scalar_text(*value)};
  }
  template <typename T>
  Row operator()(std::optional<T>* value) const {
    return {concat(kTypeName<T>, " or null"), scalar_text(*value)};
  }
  template <typename T>
  Row operator()(std::vector<T>* list) const {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < list->size(); ++i) items.push_back(scalar_text(T((*list)[i])));
    return {concat("list of ", kTypeName<T>), concat('[', join(items, ", "), ']')};
  }
  Row operator()(const Section&) const { return {}; }
  Row operator()(const SectionList&) const { return {}; }
};

/// Escapes bars, each of which would end a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

/// Turns a help text into a sentence of its own.
std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + '.';
}

void write_table(std::string& out, const Section& section, const std::string& path) {
  bool any = false;
  for (const Field& field : section.fields) {
    const Row row = visit_value(DescribeValue{}, field.value);
    if (row.type.empty()) continue;
    if (!any) out += "\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    any = true;
    out += concat("| `", path, field.key, "` | ", row.type, " | `", cell(row.value), "` | ",
                  cell(field.limits.describe()), " | ", cell(field.help), " |\n");
  }
  for (const Field& field : section.fields) {
    const std::string key = path + field.key;
    if (const auto* nested = std::get_if<Section>(&field.value)) {
      out += concat("\n### `", key, "`\n", sentence(field.help), "\n");
      write_table(out, *nested, key + '.');
    } else if (const auto* list = std::get_if<SectionList>(&field.value)) {
      out += concat("\n### `", key, "`: a list\n", sentence(field.help), " Each element has:\n");
      write_table(out, list->prototype(), key + ".N.");
    }
  }
}

}  // namespace

std::string write_markdown(const Section& section, std::string_view title) {
  std::string out = concat("## ", title, "\n");
  write_table(out, section, "");
  return out;
}

}  // namespace vdd::config
