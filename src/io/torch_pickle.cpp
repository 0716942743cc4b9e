// SPDX-License-Identifier: Apache-2.0
#include "torch_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTensorRank = 8;
/// Limit of tuples in tuples: a tensor's arguments hold its sizes.
constexpr int kMaxDepth = 8;
/// Python sets 1,000 items of a dict at once.
constexpr std::size_t kMaxStack = 1 << 16;
/// Limit of a storage's name, which is a number; each of its tensors has a copy.
constexpr std::size_t kMaxKeyBytes = 64;
constexpr std::size_t kMaxTensors = 100'000;

enum class Callable { kOrderedDict, kTensor, kParameter };

struct StorageType {
  torch::Dtype dtype;
};
struct Storage {
  torch::Dtype dtype;
  std::string key;
  std::int64_t size;
};
struct Tuple;
struct Dict;
struct Mark {};
struct None {};

// What can be on the stack. Large things are shared, so that copies by the memo cost little. A dict
// holds no other container: there are no cycles.
using Text = std::shared_ptr<const std::string>;
using Value = std::variant<None, bool, std::int64_t, Text, Callable, StorageType, Mark,
                           std::shared_ptr<const Storage>, std::shared_ptr<const TorchTensor>,
                           std::shared_ptr<const Tuple>, std::shared_ptr<Dict>>;
struct Tuple {
  std::vector<Value> items;
  int depth = 0;
};
struct Dict {
  std::vector<std::pair<Text, std::shared_ptr<const TorchTensor>>> items;  ///< null: no tensor
};

const std::map<std::string_view, Value>& known_names() {
  static const std::map<std::string_view, Value> names = {
      {"collections.OrderedDict", Callable::kOrderedDict},
      {"torch._utils._rebuild_tensor_v2", Callable::kTensor},
      {"torch._utils._rebuild_parameter", Callable::kParameter},
      {"torch.FloatStorage", StorageType{torch::kFloat32}},
      {"torch.DoubleStorage", StorageType{torch::kFloat64}},
      {"torch.HalfStorage", StorageType{torch::kFloat16}},
      {"torch.BFloat16Storage", StorageType{torch::kBFloat16}},
      {"torch.LongStorage", StorageType{torch::kInt64}},
      {"torch.IntStorage", StorageType{torch::kInt32}},
      {"torch.ShortStorage", StorageType{torch::kInt16}},
      {"torch.CharStorage", StorageType{torch::kInt8}},
      {"torch.ByteStorage", StorageType{torch::kUInt8}},
      {"torch.BoolStorage", StorageType{torch::kBool}}};
  return names;
}

/// Follows a pickle of protocol 2, torch.save's own.
class Reader {
 public:
  Reader(std::string_view pickle, const fs::path& path) : rest_(pickle), path_(path) {}

  std::vector<TorchTensor> read() {
    while (step(take<std::uint8_t>())) {
    }
    const auto dict = pop<std::shared_ptr<Dict>>();
    if (dict->items.size() > kMaxTensors)
      fail(concat("it holds more than ", kMaxTensors, " tensors"));
    std::vector<TorchTensor> tensors;
    std::set<std::string_view> names;
    for (const auto& [name, tensor] : dict->items) {
      if (!tensor) fail(concat("'", *name, "' is no tensor"));
      if (!names.insert(*name).second) fail(concat("'", *name, "' is there twice"));
      tensors.push_back(*tensor);
      tensors.back().name = *name;
    }
    return tensors;
  }

 private:
  [[noreturn]] void fail(std::string_view reason) const {
    throw DataError(path_, concat("no state dict of PyTorch: ", reason));
  }
  [[noreturn]] void fail_shape() const { fail("a tensor does not lie within its storage"); }

  std::string_view bytes(std::size_t n) {
    if (n > rest_.size()) fail("its pickle is cut");
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  template <typename T>
  T take() {
    T value;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const std::string_view text = bytes(std::min(rest_.find('\n'), rest_.size()));
    bytes(1);
    return text;
  }

  void push(Value value) {
    if (stack_.size() == kMaxStack) fail("its pickle holds too much at once");
    stack_.push_back(std::move(value));
  }
  Value pop_any() {
    if (stack_.empty()) fail("its pickle takes what was never there");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  template <typename T>
  T as(const Value& value) const {
    if (const T* found = std::get_if<T>(&value)) return *found;
    fail("its pickle holds something else than tensors");
  }
  template <typename T>
  T pop() {
    return as<T>(pop_any());
  }
  /// Takes off the stack what lies above the last mark.
  std::vector<Value> pop_to_mark() {
    std::size_t at = stack_.size();
    while (at > 0 && !std::holds_alternative<Mark>(stack_[at - 1])) --at;
    if (at == 0) fail("its pickle takes what was never there");
    std::vector<Value> items(std::make_move_iterator(stack_.begin() + static_cast<long>(at)),
                             std::make_move_iterator(stack_.end()));
    stack_.resize(at - 1);
    return items;
  }

  void push_tuple(std::vector<Value> items) {
    auto tuple = std::make_shared<Tuple>();
    for (const Value& item : items) {
      if (const auto* inner = std::get_if<std::shared_ptr<const Tuple>>(&item)) {
        tuple->depth = std::max(tuple->depth, (*inner)->depth + 1);
      }
    }
    if (tuple->depth > kMaxDepth) fail("its pickle is nested too deeply");
    tuple->items = std::move(items);
    push(std::shared_ptr<const Tuple>(std::move(tuple)));
  }
  void push_tuple(std::size_t n) {
    std::vector<Value> items(n);
    while (n > 0) items[--n] = pop_any();
    push_tuple(std::move(items));
  }

  /// Puts items into the dict on top of the stack.
  void set_items(const std::vector<Value>& items) {
    if (items.size() % 2 != 0 || stack_.empty()) fail("its pickle sets a key without a value");
    const auto dict = as<std::shared_ptr<Dict>>(stack_.back());
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const auto* tensor = std::get_if<std::shared_ptr<const TorchTensor>>(&items[i + 1]);
      dict->items.emplace_back(as<Text>(items[i]), tensor ? *tensor : nullptr);
    }
  }

  std::vector<std::int64_t> numbers(const Value& tuple) const {
    std::vector<std::int64_t> out;
    for (const Value& item : as<std::shared_ptr<const Tuple>>(tuple)->items) {
      out.push_back(as<std::int64_t>(item));
      if (out.back() < 0 || out.size() > kMaxTensorRank) fail_shape();
    }
    return out;
  }

  /// Replaces ("storage", type, key, device, number of elements) by that storage.
  void persistent_id() {
    const auto id = pop<std::shared_ptr<const Tuple>>();
    if (id->items.size() != 5 || *as<Text>(id->items[0]) != "storage") {
      fail("its pickle refers to something else than a storage");
    }
    const Text key = as<Text>(id->items[2]);
    if (key->size() > kMaxKeyBytes) fail("the name of a storage is too long");
    push(std::make_shared<const Storage>(Storage{.dtype = as<StorageType>(id->items[1]).dtype,
                                                 .key = *key,
                                                 .size = as<std::int64_t>(id->items[4])}));
  }

  /// Makes a tensor of (storage, offset, sizes, strides, requires_grad, hooks, ...).
  Value rebuild_tensor(const std::vector<Value>& arguments) const {
    if (arguments.size() < 4) fail("a tensor lacks its shape");
    const auto storage = as<std::shared_ptr<const Storage>>(arguments[0]);
    TorchTensor tensor{.name = {},
                       .dtype = storage->dtype,
                       .storage = storage->key,
                       .storage_size = storage->size,
                       .offset = as<std::int64_t>(arguments[1]),
                       .sizes = numbers(arguments[2]),
                       .strides = numbers(arguments[3])};
    check_view(tensor);
    return std::make_shared<const TorchTensor>(std::move(tensor));
  }

  /// A view has no more elements than its storage, and the last of them is inside.
  void check_view(const TorchTensor& tensor) const {
    if (tensor.sizes.size() != tensor.strides.size() || tensor.offset < 0 ||
        tensor.storage_size < 0) {
      fail_shape();
    }
    bool empty = false;
    std::int64_t count = 1, last = tensor.offset;  // as if no dimension were 0
    for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
      const std::int64_t size = std::max<std::int64_t>(tensor.sizes[i], 1);
      std::int64_t way = 0;
      empty = empty || tensor.sizes[i] == 0;
      if (__builtin_mul_overflow(count, size, &count) ||
          __builtin_mul_overflow(size - 1, tensor.strides[i], &way) ||
          __builtin_add_overflow(last, way, &last)) {
        fail_shape();
      }
    }
    if (!empty && std::max(count - 1, last) >= tensor.storage_size) fail_shape();
  }

  void reduce() {
    const auto arguments = pop<std::shared_ptr<const Tuple>>();
    switch (pop<Callable>()) {
      case Callable::kOrderedDict:
        if (!arguments->items.empty()) fail("a dict is made from something");
        return push(std::make_shared<Dict>());
      case Callable::kTensor:
        return push(rebuild_tensor(arguments->items));
      case Callable::kParameter:  // (tensor, requires_grad, hooks)
        if (arguments->items.empty()) fail("a parameter lacks its tensor");
        return push(as<std::shared_ptr<const TorchTensor>>(arguments->items[0]));
    }
  }

  void global() {
    const std::string_view module = line(), name = line();
    const std::string object = concat(module, '.', name);
    const auto found = known_names().find(object);
    if (found == known_names().end()) fail("it asks for the Python object " + object);
    push(found->second);
  }

  std::int64_t long_number() {
    const auto size = take<std::uint8_t>();
    if (size > 8) fail("a number in it is too large");
    const std::string_view digits = bytes(size);
    std::array<char, 8> all{};
    if (!digits.empty() && digits.back() < 0) all.fill('\xff');
    std::memcpy(all.data(), digits.data(), digits.size());
    std::int64_t value = 0;
    std::memcpy(&value, all.data(), sizeof value);
    return value;
  }

  void remember(std::uint32_t index) {
    if (stack_.empty()) fail("its pickle takes what was never there");
    memo_[index] = stack_.back();
  }
  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("its pickle takes what was never there");
    push(found->second);
  }

  /// Carries out one instruction; false at the end.
  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        if (take<std::uint8_t>() != 2) fail("its pickle has another protocol than 2");
        return true;
      case '.':
        return false;
      case '(':
        return push(Mark{}), true;
      case ')':
        return push_tuple(0), true;
      case 0x85:
        return push_tuple(1), true;
      case 0x86:
        return push_tuple(2), true;
      case 0x87:
        return push_tuple(3), true;
      case 't':
        return push_tuple(pop_to_mark()), true;
      case '}':
        return push(std::make_shared<Dict>()), true;
      case 's': {
        std::vector<Value> pair(2);
        pair[1] = pop_any();
        pair[0] = pop_any();
        return set_items(pair), true;
      }
      case 'u':
        return set_items(pop_to_mark()), true;
      case 'N':
        return push(None{}), true;
      case 0x88:
        return push(true), true;
      case 0x89:
        return push(false), true;
      case 'K':
        return push(std::int64_t{take<std::uint8_t>()}), true;
      case 'M':
        return push(std::int64_t{take<std::uint16_t>()}), true;
      case 'J':
        return push(std::int64_t{take<std::int32_t>()}), true;
      case 0x8a:
        return push(long_number()), true;
      case 'X':
        return push(std::make_shared<const std::string>(bytes(take<std::uint32_t>()))), true;
      case 'c':
        return global(), true;
      case 'R':
        return reduce(), true;
      case 'Q':
        return persistent_id(), true;
      case 'b':  // attributes of a dict, such as the versions of the modules
        pop_any();
        if (stack_.empty()) fail("its pickle takes what was never there");
        as<std::shared_ptr<Dict>>(stack_.back());
        return true;
      case 'q':
        return remember(take<std::uint8_t>()), true;
      case 'r':
        return remember(take<std::uint32_t>()), true;
      case 'h':
        return recall(take<std::uint8_t>()), true;
      case 'j':
        return recall(take<std::uint32_t>()), true;
      default:
        fail("its pickle holds something else than tensors");
    }
  }

  std::string_view rest_;
  const fs::path& path_;
  std::vector<Value> stack_;
  std::map<std::uint32_t, Value> memo_;
};

}  // namespace

std::vector<TorchTensor> read_torch_pickle(std::string_view pickle, const fs::path& path) {
  return Reader(pickle, path).read();
}

}  // namespace vdd::io
