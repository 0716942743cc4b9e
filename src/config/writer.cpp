// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/writer.h"

#include <nlohmann/json.hpp>

#include "scalar_text.h"
#include "vdd/core/text.h"
#include "visit.h"

namespace vdd::config {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
std::string flow_text(const std::vector<T>& list) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < list.size(); ++i) items.push_back(scalar_text(T(list[i])));
  return concat('[', join(items, ", "), ']');
}

struct FlattenValue {
  Leaves& out;
  const std::string& key;

  template <typename T>
  void operator()(T* value) const {
    out.emplace_back(key, scalar_text(*value));
  }
  template <typename T>
  void operator()(std::vector<T>* list) const {
    out.emplace_back(key, flow_text(*list));
  }
  void operator()(const Section& section) const {
    for (auto& [sub, text] : flatten(section)) out.emplace_back(concat(key, '.', sub), text);
  }
  void operator()(const SectionList& list) const {
    const std::vector<Section> elements = list.elements();
    if (elements.empty()) out.emplace_back(key, "[]");
    for (std::size_t i = 0; i < elements.size(); ++i) {
      FlattenValue{out, concat(key, '.', i)}(elements[i]);
    }
  }
};

/// `indent` is that of the keys of `section`; the first line gets none, since a list's dash stands
/// before it.
void write_section(std::string& out, const Section& section, std::size_t indent,
                   bool first_in_line);

struct YamlValue {
  std::string& out;
  std::size_t indent;  ///< indent of the key that the value belongs to

  template <typename T>
  void operator()(T* value) const {
    out += concat(' ', scalar_text(*value), '\n');
  }
  template <typename T>
  void operator()(std::vector<T>* list) const {
    constexpr std::size_t kColumns = 80;
    const std::string flow = flow_text(*list);
    if (flow.size() < kColumns) {
      out += concat(' ', flow, '\n');
      return;
    }
    out += '\n';
    for (std::size_t i = 0; i < list->size(); ++i) {
      out += concat(std::string(indent + 2, ' '), "- ", scalar_text(T((*list)[i])), '\n');
    }
  }
  void operator()(const Section& section) const {
    if (section.fields.empty()) {
      out += " {}\n";
      return;
    }
    out += '\n';
    write_section(out, section, indent + 2, false);
  }
  void operator()(const SectionList& list) const {
    const std::vector<Section> elements = list.elements();
    out += elements.empty() ? " []\n" : "\n";
    for (const Section& element : elements) {
      out += std::string(indent + 2, ' ') + "- ";
      write_section(out, element, indent + 4, true);
    }
  }
};

void write_section(std::string& out, const Section& section, std::size_t indent,
                   bool first_in_line) {
  for (const Field& field : section.fields) {
    if (!first_in_line) out += std::string(indent, ' ');
    first_in_line = false;
    out += field.key + ':';
    visit_value(YamlValue{out, indent}, field.value);
  }
}

Json json_section(const Section& section);

struct JsonValue {
  const Limits& limits;

  template <typename T>
  Json operator()(T* value) const {
    return *value;
  }
  template <typename T>
  Json operator()(std::optional<T>* value) const {
    return *value ? Json(**value) : Json(nullptr);
  }
  template <typename T>
  Json operator()(std::vector<T>* list) const {
    if (limits.scalar_or_list && list->size() == 1) return T(list->front());
    return *list;
  }
  Json operator()(const Section& section) const { return json_section(section); }
  Json operator()(const SectionList& list) const {
    Json out = Json::array();
    for (const Section& element : list.elements()) out.push_back(json_section(element));
    return out;
  }
};

Json json_section(const Section& section) {
  Json out = Json::object();
  for (const Field& field : section.fields) {
    out[field.key] = visit_value(JsonValue{field.limits}, field.value);
  }
  return out;
}

}  // namespace

Leaves flatten(const Section& section) {
  Leaves out;
  for (const Field& field : section.fields) visit_value(FlattenValue{out, field.key}, field.value);
  return out;
}

std::string write_yaml(const Section& section) {
  std::string out;
  write_section(out, section, 0, false);
  return out;
}

std::string write_json(const Section& section, const JsonHeader& header) {
  Json out = Json::object();
  for (const auto& [key, value] : header) out[key] = value;
  out.update(json_section(section));
  return out.dump(2) + '\n';
}

}  // namespace vdd::config
