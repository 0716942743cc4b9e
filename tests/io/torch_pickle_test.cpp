// SPDX-License-Identifier: Apache-2.0
// Pickles spelled out; files that torch.save wrote are in torch_file_test.cpp.
#include "../../src/io/torch_pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kStart = "\x80\x02";

std::string text(const std::string& value) {
  return concat("X", static_cast<char>(value.size()), std::string(3, '\0'), value);
}
std::string number(int value) {
  return concat("K", static_cast<char>(value));
}
std::string name(const std::string& module, const std::string& object) {
  return concat("c", module, "\n", object, "\n");
}
std::string numbers(const std::vector<int>& values) {
  std::string out = "(";
  for (const int value : values) out += number(value);
  return out + "t";
}
std::string tensor(int elements, int offset, const std::vector<int>& sizes,
                   const std::vector<int>& strides) {
  return concat(name("torch._utils", "_rebuild_tensor_v2"), "((", text("storage"),
                name("torch", "FloatStorage"), text("7"), text("cuda:0"), number(elements), "tQ",
                number(offset), numbers(sizes), numbers(strides), "\x89}tR");
}
std::string dict(const std::string& key, const std::string& value) {
  return concat(kStart, "}", text(key), value, "s.");
}
std::vector<TorchTensor> read(const std::string& pickle) {
  return read_torch_pickle(pickle, "f");
}
std::string pickle_refusal(const std::string& pickle) {
  return thrown<DataError>([&] { read(pickle); });
}

TEST(TorchPickle, ATensorIsAViewOfAStorage) {
  const auto tensors = read(dict("a.weight", tensor(20, 2, {2, 3}, {1, 4})));
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "a.weight");
  EXPECT_EQ(tensors[0].dtype, torch::kFloat32);
  EXPECT_EQ(tensors[0].storage, "7");
  EXPECT_EQ(tensors[0].storage_size, 20);
  EXPECT_EQ(tensors[0].offset, 2);
  EXPECT_THAT(tensors[0].sizes, ElementsAre(2, 3));
  EXPECT_THAT(tensors[0].strides, ElementsAre(1, 4));
  EXPECT_THAT(read(kStart + "}."), IsEmpty());
}

TEST(TorchPickle, NothingButTensorsMayBeAskedFor) {
  const std::string command = text("touch /tmp/hacked");
  EXPECT_THAT(pickle_refusal(concat(kStart, name("os", "system"), "(", command, "tR.")),
              HasSubstr("asks for the Python object os.system"));
  EXPECT_THAT(pickle_refusal(dict("a", name("builtins", "eval"))), HasSubstr("builtins.eval"));
  EXPECT_THAT(pickle_refusal(dict("a", name("torch\x1b[2J", "x"))), HasSubstr("torch\\x1b[2J.x"));
  EXPECT_THAT(pickle_refusal(dict("a", number(3))), HasSubstr("'a' is no tensor"));
  EXPECT_THAT(pickle_refusal(dict("a", "}")), HasSubstr("'a' is no tensor"));
  EXPECT_THAT(pickle_refusal(concat(kStart, "]l.")), HasSubstr("something else than tensors"));
  EXPECT_THAT(pickle_refusal(kStart + "(i__main__\nA\n."),
              HasSubstr("something else than tensors"));
  EXPECT_THAT(pickle_refusal(std::string("\x80\x04.", 3)), HasSubstr("another protocol than 2"));
}

TEST(TorchPickle, AViewLiesWithinItsStorage) {
  EXPECT_NO_THROW(read(dict("a", tensor(6, 0, {2, 3}, {3, 1}))));
  EXPECT_NO_THROW(read(dict("a", tensor(0, 0, {0, 3}, {3, 1}))));
  EXPECT_NO_THROW(read(dict("a", tensor(1, 0, {}, {}))));
  const std::vector<std::string> bad = {
      tensor(5, 0, {2, 3}, {3, 1}),
      tensor(6, 1, {2, 3}, {3, 1}),
      tensor(6, 0, {2, 3}, {4, 1}),
      tensor(1, 0, {100}, {0}),
      tensor(0, 0, {}, {}),
      tensor(6, 0, {2, 3}, {3}),
      tensor(9, 0, std::vector<int>(9, 1), std::vector<int>(9, 1))};
  for (const std::string& value : bad) {
    EXPECT_THAT(pickle_refusal(dict("a", value)), HasSubstr("does not lie within its storage"));
  }
}

TEST(TorchPickle, SizesBesideAZeroDoNotOverflow) {
  const std::string large = concat("\x8a\x08", std::string(7, '\0'), "\x40");  // 2^62
  std::string value = tensor(0, 0, {0, 1, 1}, {1, 1, 1});
  const std::string ones = number(1) + number(1);
  value.replace(value.find(number(0) + ones) + 2, ones.size(), large + large);
  EXPECT_THAT(pickle_refusal(dict("a", value)), HasSubstr("does not lie within its storage"));
}

TEST(TorchPickle, ASmallPickleTakesLittleMemory) {
  EXPECT_THAT(pickle_refusal(kStart + std::string(1 << 20, ')')), HasSubstr("too much at once"));
  EXPECT_THAT(
      pickle_refusal(dict("a", concat("(", text("storage"), name("torch", "FloatStorage"),
                                      text(std::string(65, '7')), text("cpu"), number(1), "tQ"))),
      HasSubstr("name of a storage is too long"));
}

TEST(TorchPickle, MoreTensorsThanAnyModelHasAreRefused) {
  std::string many = concat(kStart, tensor(1, 0, {1}, {1}), "q", '\1', "}");
  for (int i = 0; i <= 100'000; ++i) many += concat(text(std::to_string(i)), "h", '\1', "s");
  EXPECT_THAT(pickle_refusal(many + "."), HasSubstr("more than 100000 tensors"));
}

TEST(TorchPickle, EachNameIsThereOnce) {
  const std::string value = tensor(1, 0, {1}, {1});
  EXPECT_THAT(pickle_refusal(concat(kStart, "}(", text("a"), value, text("a"), value, "u.")),
              HasSubstr("'a' is there twice"));
}

TEST(TorchPickle, DeepAndCircularPicklesEnd) {
  EXPECT_THAT(pickle_refusal(kStart + ")" + std::string(1 << 20, '\x85') + "."),
              HasSubstr("nested too deeply"));
  // A dict that is its own value.
  EXPECT_THAT(pickle_refusal(concat(kStart, "}q", '\1', text("a"), "h", '\1', "s.")),
              HasSubstr("'a' is no tensor"));
}

TEST(TorchPickle, DamageIsRefusedWithAReason) {
  const std::string good = dict("a.weight", tensor(20, 2, {2, 3}, {1, 4}));
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_THAT(pickle_refusal(good.substr(0, n)), HasSubstr("no state dict of PyTorch")) << n;
  }
  std::mt19937 random(0);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (int k = 0; k < 3; ++k) bad[random() % bad.size()] = static_cast<char>(random());
    try {
      read(bad);
    } catch (const DataError&) {
    }
  }
}

}  // namespace
}  // namespace vdd::io
