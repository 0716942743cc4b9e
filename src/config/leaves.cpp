// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/leaves.h"

#include <algorithm>

#include "node.h"
#include "scalar_text.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::config {
namespace {

std::string text_of(const Node& node) {
  if (node.kind == Node::Kind::kNull) return "null";
  return node.kind == Node::Kind::kQuoted ? scalar_text(node.text) : node.text;
}

void collect(const Node& node, const std::string& key, Leaves& out) {
  const auto sub = [&](const auto& name) {
    return key.empty() ? concat(name) : concat(key, '.', name);
  };
  for (const Entry& entry : node.entries) collect(entry.value, sub(entry.key), out);
  if (node.kind == Node::Kind::kMap) return;
  const auto is_map = [](const Node& item) { return item.kind == Node::Kind::kMap; };
  if (std::ranges::any_of(node.items, is_map)) {
    for (std::size_t i = 0; i < node.items.size(); ++i) collect(node.items[i], sub(i), out);
    return;
  }
  std::vector<std::string> items;
  for (const Node& item : node.items) items.push_back(text_of(item));
  const bool list = node.kind == Node::Kind::kList;
  out.emplace_back(key, list ? concat('[', join(items, ", "), ']') : text_of(node));
}

}  // namespace

Leaves read_leaves(const std::filesystem::path& file) {
  const Place whole{.name = std::make_shared<const std::string>(file.string())};
  Errors errors;
  const Node root = parse_yaml(read_file(file, kMaxBytes), whole, errors);
  errors.throw_if_any();
  Leaves out;
  if (root.kind != Node::Kind::kNull) collect(root, "", out);
  return out;
}

}  // namespace vdd::config
