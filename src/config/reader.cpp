// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/reader.h"

#include <algorithm>
#include <unordered_map>

#include "node.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::config {
namespace {

std::string dotted(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : concat(path, '.', key);
}

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kPlain:
      return concat("'", escape(node.text), "'");
    case Node::Kind::kQuoted:
      return concat("the string '", escape(node.text), "'");
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a section";
    case Node::Kind::kBroken:
      break;
  }
  return "nothing";
}

// One parse() per scalar type: the value, or in `wrong` why there is none.

bool parse(const Node& node, bool& value, std::string& wrong) {
  if (node.kind == Node::Kind::kPlain && (node.text == "true" || node.text == "false")) {
    value = node.text == "true";
    return true;
  }
  wrong = "must be true or false";
  return false;
}

bool all_digits(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool parse(const Node& node, std::int64_t& value, std::string& wrong) {
  const auto number = node.kind == Node::Kind::kPlain ? parse_int(node.text) : std::nullopt;
  if (number) {
    value = *number;
    return true;
  }
  const std::string_view digits = std::string_view(node.text).substr(node.text.starts_with('-'));
  const bool too_large =
      node.kind == Node::Kind::kPlain && all_digits(node.text) && !digits.starts_with('0');
  wrong = too_large ? "must be an integer of 64 bits" : "must be an integer";
  return false;
}

bool parse(const Node& node, double& value, std::string& wrong) {
  const std::string_view digits = std::string_view(node.text).substr(node.text.starts_with('-'));
  const bool octal = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
  const auto number =
      node.kind == Node::Kind::kPlain && !octal ? parse_double(node.text) : std::nullopt;
  if (number) {
    value = *number;
    return true;
  }
  wrong = "must be a finite number";
  return false;
}

bool parse(const Node& node, std::string& value, std::string& wrong) {
  if (node.scalar()) {
    value = node.text;
    return true;
  }
  wrong = "must be a string";
  return false;
}

class Filler {
 public:
  Filler(Errors& errors, bool published_json) : errors_(errors), lenient_(published_json) {}

  void fill(const Section& section, const Node& node, const std::string& path) {
    if (node.kind == Node::Kind::kBroken) return;
    if (node.kind != Node::Kind::kMap && node.kind != Node::Kind::kNull) {
      errors_.add(node.place, path, concat("must be a section of keys, got ", shown(node)));
      return;
    }
    const std::size_t errors_before = errors_.count();
    for (const Entry& entry : node.entries) {
      const std::string key = dotted(path, entry.key);
      const auto field = std::find_if(section.fields.begin(), section.fields.end(),
                                      [&](const Field& f) { return f.key == entry.key; });
      if (field == section.fields.end()) {
        if (!lenient_) errors_.add(entry.place, key, unknown(section, entry.key));
        continue;
      }
      std::visit([&](auto&& target) { fill_value(target, field->limits, entry.value, key); },
                 field->value);
    }
    if (section.check && errors_.count() == errors_before) run_check(section, node, path);
  }

 private:
  static std::string unknown(const Section& section, const std::string& key) {
    if (key == "<<") return "merge keys are not supported; use `base: other.yaml`";
    std::vector<std::string> keys;
    for (const Field& field : section.fields) keys.push_back(field.key);
    return concat("unknown key", did_you_mean(key, keys));
  }

  /// A message of check() starts with its key, whose place is looked up.
  void run_check(const Section& section, const Node& node, const std::string& path) {
    for (const std::string& message : section.check()) {
      const std::size_t colon = message.find(": ");
      const std::string key = colon == std::string::npos ? "" : message.substr(0, colon);
      const std::string text = colon == std::string::npos ? message : message.substr(colon + 2);
      Place place = node.place;
      const Node* at = &node;
      for (const std::string& part : split(key, '.')) {
        const auto entry = std::find_if(at->entries.begin(), at->entries.end(),
                                        [&](const Entry& e) { return e.key == part; });
        if (entry == at->entries.end()) break;
        place = entry->place;
        at = &entry->value;
      }
      errors_.add(place, key.empty() ? path : dotted(path, key), text);
    }
  }

  void wrong(const Node& node, const std::string& path, std::string_view what,
             std::string_view hint = {}) {
    errors_.add(node.place, path, concat(what, ", got ", shown(node), hint));
  }

  template <typename T>
  void fill_value(T* target, const Limits& limits, const Node& node, const std::string& path) {
    if (node.kind == Node::Kind::kBroken) return;
    T value{};
    std::string reason;
    if (!parse(node, value, reason)) return wrong(node, path, reason);
    if (const auto violation = limits.violation(value)) {
      return wrong(node, path, *violation, did_you_mean(node.text, limits.choices));
    }
    *target = std::move(value);
  }

  template <typename T>
  void fill_value(std::optional<T>* target, const Limits& limits, const Node& node,
                  const std::string& path) {
    if (node.kind == Node::Kind::kNull) {
      target->reset();
      return;
    }
    T value{};
    const std::size_t before = errors_.count();
    fill_value(&value, limits, node, path);
    if (errors_.count() == before && node.kind != Node::Kind::kBroken) *target = std::move(value);
  }

  template <typename T>
  void fill_value(std::vector<T>* target, const Limits& limits, const Node& node,
                  const std::string& path) {
    if (node.kind == Node::Kind::kBroken) return;
    const bool single = limits.scalar_or_list && node.scalar();
    if (node.kind != Node::Kind::kList && !single) {
      return wrong(node, path,
                   limits.scalar_or_list ? "must be a value or a list" : "must be a list");
    }
    const std::size_t before = errors_.count();
    std::vector<T> values;
    const auto add = [&](const Node& item, const std::string& item_path) {
      T value{};
      fill_value(&value, limits, item, item_path);
      values.push_back(std::move(value));
    };
    if (single) add(node, path);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      add(node.items[i], dotted(path, std::to_string(i)));
    }
    check_size(values.size(), limits, node, path);
    if (errors_.count() == before) *target = std::move(values);
  }

  /// What could not be read keeps its value, here as above.
  template <typename T>
  void fill_value(const Named<T>& target, const Limits& limits, const Node& node,
                  const std::string& path) {
    T names = target.get();
    fill_value(&names, limits, node, path);
    target.set(names);
  }

  void fill_value(const Section& target, const Limits&, const Node& node, const std::string& path) {
    fill(target, node, path);
  }

  void fill_value(const SectionList& target, const Limits& limits, const Node& node,
                  const std::string& path) {
    if (node.kind == Node::Kind::kBroken) return;
    if (node.kind != Node::Kind::kList) return wrong(node, path, "must be a list of sections");
    check_size(node.items.size(), limits, node, path);
    const std::vector<Section> sections = target.resize(node.items.size());
    for (std::size_t i = 0; i < sections.size(); ++i) {
      fill(sections[i], node.items[i], dotted(path, std::to_string(i)));
    }
  }

  void check_size(std::size_t size, const Limits& limits, const Node& node,
                  const std::string& path) {
    if (const auto violation = limits.size_violation(size))
      errors_.add(node.place, path, *violation);
  }

  Errors& errors_;
  bool lenient_;
};

Place whole(std::string name) {
  return {std::make_shared<const std::string>(std::move(name)), 0, 0};
}

/// Replaces keys of `node` by those of `over`, section by section.
void merge(Node& node, Node over) {
  if (node.kind != Node::Kind::kMap || over.kind != Node::Kind::kMap) {
    if (over.kind != Node::Kind::kNull || node.kind != Node::Kind::kMap) node = std::move(over);
    return;
  }
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < node.entries.size(); ++i) places.emplace(node.entries[i].key, i);
  for (Entry& entry : over.entries) {
    const auto found = places.find(entry.key);
    if (found != places.end()) {
      Entry* present = &node.entries[found->second];
      present->place = std::move(entry.place);
      if (present->value.kind == Node::Kind::kMap && entry.value.kind == Node::Kind::kMap) {
        merge(present->value, std::move(entry.value));
      } else {
        present->value = std::move(entry.value);
      }
    } else {
      node.entries.push_back(std::move(entry));
    }
  }
  node.place = std::move(over.place);
}

std::string read_config_file(const std::filesystem::path& file) {
  try {
    return read_file(file, kMaxBytes);
  } catch (const DataError& e) {
    throw ConfigError(e.what());
  }
}

/// Takes the entry `base` out of the root, if there is one.
std::optional<Entry> take_base(Node& root) {
  const auto base = std::find_if(root.entries.begin(), root.entries.end(),
                                 [](const Entry& e) { return e.key == "base"; });
  if (base == root.entries.end()) return std::nullopt;
  Entry entry = std::move(*base);
  root.entries.erase(base);
  return entry;
}

Node with_base(Node root, const std::filesystem::path& folder, Errors& errors) {
  const auto entry = take_base(root);
  if (!entry) return root;
  if (!entry->value.scalar() || entry->value.text.empty()) {
    errors.add(entry->place, "base", "must be the path of a YAML file");
    return root;
  }
  const std::filesystem::path file = folder / entry->value.text;
  std::string text;
  try {
    text = read_config_file(file);
  } catch (const ConfigError& e) {
    errors.fail(entry->value.place, "base", e.what());
  }
  Node base = parse_yaml(text, whole(file.string()), errors);
  if (const auto nested = take_base(base)) {
    errors.add(nested->place, "base", "a base file cannot have a base itself");
  }
  merge(base, std::move(root));
  return base;
}

/// Text that opens a list, section or quote is YAML, all else is the value as it stands.
Node parse_override_value(std::string_view text, const Place& place, Errors& errors) {
  const std::string_view trimmed = trim(text);
  if (!trimmed.empty() && std::string_view("[{\"'").find(trimmed[0]) != std::string_view::npos) {
    return parse_yaml(trimmed, place, errors);
  }
  check_text(text, place, errors);
  Node node;
  node.place = place;
  node.kind = text == "null" || text == "~" ? Node::Kind::kNull : Node::Kind::kPlain;
  node.text = text;
  return node;
}

void apply_override(Node& root, const std::string& text, Errors& errors) {
  Place place = whole("command line");
  place.line = -1;  // the parser's line numbers mean nothing here
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const std::vector<std::string> parts = split(key, '.');
  if (equals == std::string::npos ||
      std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); })) {
    errors.add(place, "", concat("'", escape(text), "': must be key.sub=value"));
    return;
  }
  Node* node = &root;
  for (const std::string& part : parts) {
    if (node->kind == Node::Kind::kList) {
      const auto index = parse_int(part);
      if (!index || *index < 0 || *index >= static_cast<long long>(node->items.size())) {
        errors.add(place, key,
                   concat("'", escape(part), "' is no element of the list of ", node->items.size(),
                          " in the config file"));
        return;
      }
      node = &node->items[static_cast<std::size_t>(*index)];
      continue;
    }
    if (node->kind == Node::Kind::kNull) {
      node->kind = Node::Kind::kMap;
      node->place = place;
    }
    if (node->kind != Node::Kind::kMap) {
      errors.add(place, key, concat("'", escape(part), "' lies inside a value, not a section"));
      return;
    }
    if (Entry* entry = node->find(part)) {
      entry->place = place;
      node = &entry->value;
    } else {
      node->entries.push_back({part, place, {}});
      node = &node->entries.back().value;
    }
  }
  Errors found;
  try {
    *node = parse_override_value(std::string_view(text).substr(equals + 1), place, found);
  } catch (const ConfigError&) {
    node->kind = Node::Kind::kBroken;
  }
  for (const std::string& line : found.lines()) {
    errors.add(place, key, std::string_view(line).substr(place.text().size() + 2));
  }
}

void read_tree(const Section& section, std::string_view text, const std::string& name,
               const std::filesystem::path& folder, std::span<const std::string> overrides) {
  Errors errors;
  Node root = with_base(parse_yaml(text, whole(name), errors), folder, errors);
  for (const std::string& override_text : overrides) apply_override(root, override_text, errors);
  Filler(errors, false).fill(section, root, "");
  errors.throw_if_any();
}

}  // namespace

void read_yaml(const Section& section, const std::filesystem::path& file,
               std::span<const std::string> overrides) {
  read_tree(section, read_config_file(file), file.string(), file.parent_path(), overrides);
}

void read_yaml_text(const Section& section, std::string_view text, std::string_view name,
                    std::span<const std::string> overrides) {
  read_tree(section, text, std::string(name), {}, overrides);
}

void read_json(const Section& section, const std::filesystem::path& file) {
  const std::string text = read_file(file, kMaxBytes);
  Errors errors;
  try {
    const Node root = parse_json(text, whole(""), errors);
    Filler(errors, true).fill(section, root, "");
    errors.throw_if_any();
  } catch (const ConfigError& e) {
    throw DataError(file, join(split(e.what(), '\n'), "; "));
  }
}

}  // namespace vdd::config
