// SPDX-License-Identifier: Apache-2.0
#include "node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_set>

#include "vdd/core/text.h"

namespace vdd::config {

std::string Place::text() const {
  return line > 0 ? concat(escape(*name, 1000), ':', line, ':', column) : escape(*name, 1000);
}

Entry* Node::find(std::string_view key) {
  for (Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

void Errors::add(const Place& place, std::string_view key, std::string_view message) {
  constexpr std::size_t kShown = 50;
  if (++count_ > kShown) return;
  std::string line = place.text();
  for (const std::string& part : {escape(key), std::string(message)}) {
    if (!line.empty() && !part.empty()) line += ": ";
    line += part;
  }
  lines_.push_back(std::move(line));
}

std::string Errors::text() const {
  std::string out = join(lines_, "\n");
  if (count_ > lines_.size()) out += concat("\nand ", count_ - lines_.size(), " more");
  return out;
}

namespace {

/// Makes nodes out of parser events; a scalar where a map wants a key is the key.
class TreeBuilder {
 public:
  explicit TreeBuilder(Errors& errors) : errors_(errors) {}

  void scalar(Node::Kind kind, std::string text, Place place) {
    if (wants_key()) {
      check_key(text, place);
      const bool usable = kind == Node::Kind::kPlain || kind == Node::Kind::kQuoted;
      if (!usable) errors_.add(place, path(), "a key must be plain text");
      take_key(std::move(text), std::move(place));
      return;
    }
    Node node;
    node.kind = kind;
    node.place = std::move(place);
    node.text = std::move(text);
    append(std::move(node));
  }

  void open(Node::Kind kind, Place place) {
    constexpr std::size_t kMaxDepth = 32;
    if (open_.size() >= kMaxDepth) {
      errors_.fail(place, "", concat("nested deeper than ", kMaxDepth, " levels"));
    }
    Open opened;
    opened.is_key = wants_key();
    if (opened.is_key) errors_.add(place, path(), "a key must be plain text");
    opened.node.kind = kind;
    opened.node.place = std::move(place);
    open_.push_back(std::move(opened));
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (closed.is_key) {
      take_key({}, std::move(closed.node.place));
    } else {
      append(std::move(closed.node));
    }
  }

  /// Returns the dotted name of what is being read.
  std::string path(std::string_view last = {}) const {
    std::string out;
    const auto add = [&out](std::string_view part) {
      if (!out.empty()) out += '.';
      out += part;
    };
    for (const Open& level : open_) {
      if (level.node.kind == Node::Kind::kList) {
        add(std::to_string(level.node.items.size()));
      } else if (level.has_key) {
        add(level.key.key);
      }
    }
    if (!last.empty()) add(last);
    return out;
  }

  Node take() { return std::move(root_); }

 private:
  struct Open {
    Node node;
    Entry key;
    bool has_key = false;
    /// Marks a map or list in the place of a key: it is refused, but read to its end, because a
    /// syntax error may follow, which says more.
    bool is_key = false;
    std::unordered_set<std::string> keys;
  };

  bool wants_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::kMap && !open_.back().has_key;
  }

  /// Fails on what no config is, so that the work for every key may depend on the depth.
  void check_key(const std::string& text, const Place& place) {
    constexpr std::size_t kMaxKeys = 10'000, kMaxKeyBytes = 500;
    if (++keys_ > kMaxKeys) errors_.fail(place, "", concat("more than ", kMaxKeys, " keys"));
    if (text.size() > kMaxKeyBytes)
      errors_.fail(place, "", concat("a key of more than ", kMaxKeyBytes, " bytes"));
  }

  void take_key(std::string text, Place place) {
    Open& map = open_.back();
    if (!map.keys.insert(text).second) errors_.add(place, path(text), "duplicate key");
    map.key = Entry{std::move(text), std::move(place), {}};
    map.has_key = true;
  }

  void append(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.node.kind == Node::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else {
      parent.key.value = std::move(node);
      parent.node.entries.push_back(std::move(parent.key));
      parent.has_key = false;
    }
  }

  Errors& errors_;
  std::vector<Open> open_;
  Node root_;
  std::size_t keys_ = 0;
};

class YamlEvents : public YAML::EventHandler {
 public:
  YamlEvents(const Place& file, Errors& errors) : file_(file), errors_(errors), tree_(errors) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) errors_.fail(at(mark), "", "a second document; a config is one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse(mark, "?", anchor);
    tree_.scalar(Node::Kind::kNull, {}, at(mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    errors_.add(at(mark), tree_.path(), "aliases are not supported; use `base: other.yaml`");
    tree_.scalar(Node::Kind::kBroken, {}, at(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse(mark, tag, anchor);
    tree_.scalar(tag == "!" ? Node::Kind::kQuoted : Node::Kind::kPlain, value, at(mark));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    tree_.open(Node::Kind::kList, at(mark));
  }
  void OnSequenceEnd() override { tree_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    tree_.open(Node::Kind::kMap, at(mark));
  }
  void OnMapEnd() override { tree_.close(); }

  Place at(const YAML::Mark& mark) const {
    if (file_.line < 0 || mark.line < 0) return {file_.name, 0, 0};
    return {file_.name, mark.line + 1, mark.column + 1};
  }

  Node take() { return tree_.take(); }

 private:
  void refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) errors_.add(at(mark), tree_.path(), "anchors are not supported");
    if (!tag.empty() && tag != "?" && tag != "!") {
      errors_.add(at(mark), tree_.path(), concat("tags are not supported, got ", escape(tag)));
    }
  }

  Place file_;
  Errors& errors_;
  TreeBuilder tree_;
  int documents_ = 0;
};

class JsonEvents : public nlohmann::json::json_sax_t {
 public:
  JsonEvents(const Place& file, Errors& errors) : file_(file), errors_(errors), tree_(errors) {}

  bool null() override { return add(Node::Kind::kNull, {}); }
  bool boolean(bool value) override { return add(Node::Kind::kPlain, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return add(Node::Kind::kPlain, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(Node::Kind::kPlain, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return add(Node::Kind::kPlain, text);
  }
  bool string(string_t& value) override { return add(Node::Kind::kQuoted, value); }
  bool key(string_t& value) override { return add(Node::Kind::kQuoted, value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Node::Kind::kMap); }
  bool start_array(std::size_t) override { return open(Node::Kind::kList); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    errors_.fail(file_, "", concat("not valid JSON at byte ", position));
  }

  Node take() { return tree_.take(); }

 private:
  bool add(Node::Kind kind, std::string text) {
    tree_.scalar(kind, std::move(text), file_);
    return true;
  }
  bool open(Node::Kind kind) {
    tree_.open(kind, file_);
    return true;
  }
  bool close() {
    tree_.close();
    return true;
  }

  Place file_;
  Errors& errors_;
  TreeBuilder tree_;
};

}  // namespace

void check_text(std::string_view text, const Place& file, Errors& errors) {
  if (text.size() > kMaxBytes) errors.fail(file, "", concat("larger than ", kMaxBytes, " bytes"));
  Place place{file.name, 1, 1};
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool control =
        (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F;
    if (length == 0 || control) {
      if (file.line < 0) place.line = 0;
      errors.fail(
          place, "",
          concat(control ? "control character " : "not UTF-8: byte ", escape(text.substr(0, 1))));
    }
    place.column = byte == '\n' ? 1 : place.column + 1;
    place.line += byte == '\n' ? 1 : 0;
    text.remove_prefix(length);
  }
}

Node parse_yaml(std::string_view text, const Place& file, Errors& errors) {
  check_text(text, file, errors);
  const Errors before = errors;
  YamlEvents events(file, errors);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& e) {
    errors = before;  // what was found on the way to a syntax error is of no use
    errors.fail(events.at(e.mark), "", concat("not valid YAML: ", escape(e.msg)));
  }
  return events.take();
}

Node parse_json(std::string_view text, const Place& file, Errors& errors) {
  const std::size_t nul = text.find('\0');  // where the parser would take the text to end
  if (nul != text.npos) errors.fail(file, "", concat("not valid JSON at byte ", nul + 1));
  JsonEvents events(file, errors);
  nlohmann::json::sax_parse(text, &events);
  return events.take();
}

}  // namespace vdd::config
