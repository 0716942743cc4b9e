// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::tensor {
namespace {

using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct LeafImpl : torch::nn::Module {
  LeafImpl() {
    bias = register_parameter("bias", torch::zeros({2}));
    count = register_buffer("count", torch::zeros({}, torch::kInt64));
    weight = register_parameter("weight", torch::zeros({2, 3}));
  }
  torch::Tensor bias, count, weight;
};
TORCH_MODULE(Leaf);

struct TreeImpl : torch::nn::Module {
  TreeImpl() {
    children = register_module("blocks", torch::nn::ModuleList(Leaf(), Leaf()));
    scale = register_parameter("scale", torch::zeros({1}));
  }
  torch::nn::ModuleList children{nullptr};
  torch::Tensor scale;
};
TORCH_MODULE(Tree);

/// The state of a Tree with distinct values.
NamedTensors numbered() {
  NamedTensors out;
  for (const auto& [name, value] : state_dict(*Tree())) {
    out.emplace_back(name,
                     torch::arange(value.numel(), torch::kFloat64).reshape(value.sizes()).add(1) +
                         10.0 * static_cast<double>(out.size()));
    if (!value.is_floating_point()) out.back().second = out.back().second.to(value.scalar_type());
  }
  return out;
}

NamedTensors without(NamedTensors tensors, const std::string& name) {
  std::erase_if(tensors, [&](const auto& item) { return item.first == name; });
  return tensors;
}

bool untouched(const torch::nn::Module& module) {
  for (const auto& [name, value] : state_dict(module)) {
    if (value.count_nonzero().item<int64_t>() != 0) return false;
  }
  return true;
}

std::string load_error(torch::nn::Module& module, NamedTensors tensors,
                       const LoadOptions& options = {}) {
  const auto source = make_source(std::move(tensors), "file");
  return thrown<DataError>([&] { load_state(module, *source, options); });
}

// As Python's state_dict(): own parameters, own buffers, then the children in order of
// registration.
TEST(StateDict, OrderIsPythons) {
  std::vector<std::string> names;
  for (const auto& [name, value] : state_dict(*Tree())) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("scale", "blocks.0.bias", "blocks.0.weight", "blocks.0.count",
                                 "blocks.1.bias", "blocks.1.weight", "blocks.1.count"));
}

TEST(StateDict, SharesMemoryWithTheModule) {
  const Tree tree;
  state_dict(*tree)[0].second.fill_(3);
  EXPECT_EQ(tree->scale.item<float>(), 3);
}

TEST(LoadState, FillsByNameWhateverTheOrderAndDtype) {
  NamedTensors reversed = numbered();
  std::reverse(reversed.begin(), reversed.end());
  for (auto& [name, value] : reversed) {
    if (value.is_floating_point()) value = value.to(torch::kBFloat16);
  }
  Tree tree;
  load_state(*tree, *make_source(reversed, "file"));
  const NamedTensors expected = numbered(), got = state_dict(*tree);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_TRUE(
        torch::equal(got[i].second.to(torch::kFloat64), expected[i].second.to(torch::kFloat64)))
        << got[i].first;
    EXPECT_EQ(got[i].second.scalar_type(), state_dict(*Tree())[i].second.scalar_type());
  }
  EXPECT_TRUE(tree->scale.requires_grad());
}

TEST(LoadState, NamesEveryProblemInOneErrorAndWritesNothing) {
  NamedTensors tensors = without(without(numbered(), "scale"), "blocks.1.bias");
  tensors.emplace_back("surplus", torch::ones({1}));
  tensors[1].second = torch::ones({3, 2});  // blocks.0.weight
  tensors.back().second = torch::ones({1});
  Tree tree;
  EXPECT_EQ(load_error(*tree, tensors),
            "file: does not fit the model: 2 missing, 1 unexpected, 1 of another shape or type; "
            "missing: blocks.1.bias, scale; unexpected: surplus; "
            "of another shape or type: blocks.0.weight [3,2] in the file, [2,3] in the model");
  EXPECT_TRUE(untouched(*tree));
}

TEST(LoadState, ListsFiveNamesUnlessAskedForAll) {
  Tree tree;
  const std::string message = load_error(*tree, {});
  EXPECT_THAT(message,
              HasSubstr("7 missing; missing: blocks.0.bias, blocks.0.count, blocks.0.weight, "
                        "blocks.1.bias, blocks.1.count, ..."));
  EXPECT_THAT(message, Not(HasSubstr("scale")));
  EXPECT_THAT(load_error(*tree, {}, {.listed = SIZE_MAX}), HasSubstr("scale"));
}

TEST(LoadState, WholeNumbersDoNotStandForFloats) {
  NamedTensors tensors = numbered();
  tensors[0].second = tensors[0].second.to(torch::kInt64);
  Tree tree;
  EXPECT_THAT(load_error(*tree, tensors), HasSubstr("scale Long in the file, fp32 in the model"));
}

TEST(LoadState, PartialLoadsOnlyWhenAllowed) {
  NamedTensors tensors = without(numbered(), "scale");
  tensors.emplace_back("old.position_ids", torch::ones({1}));
  Tree tree;
  load_state(*tree, *make_source(tensors, "file"),
             {.allow_missing = {"sc*"}, .allow_unexpected = {"*.position_ids"}});
  EXPECT_EQ(tree->scale.item<float>(), 0);
  EXPECT_FALSE(untouched(*tree));
}

TEST(LoadState, NonFiniteValuesAreRefusedUnlessAllowed) {
  NamedTensors tensors = numbered();
  tensors[1].second[0] = std::numeric_limits<float>::quiet_NaN();
  Tree tree;
  EXPECT_EQ(load_error(*tree, tensors), "file: blocks.0.bias: holds NaN or infinity");
  load_state(*tree, *make_source(tensors, "file"), {.allow_nonfinite = true});
  EXPECT_TRUE(state_dict(*tree)[1].second.isnan()[0].item<bool>());
}

// 1e6 is finite in the file and infinite in the model.
TEST(LoadState, OverflowOfAConversionIsRefused) {
  NamedTensors tensors = numbered();
  tensors[0].second[0] = 1e6;
  Tree tree;
  allocate_as(*tree, torch::kFloat16, torch::kCPU);
  EXPECT_EQ(load_error(*tree, tensors), "file: scale: holds values that are infinite in fp16");
}

TEST(AllocateAs, ChangesFloatingPointOnly) {
  Tree tree;
  allocate_as(*tree, torch::kBFloat16, torch::kCPU);
  EXPECT_EQ(tree->scale.scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(tree->scale.requires_grad());
  EXPECT_EQ(state_dict(*tree)[3].second.scalar_type(), torch::kInt64);
  load_state(*tree, *make_source(numbered(), "file"));
  EXPECT_EQ(tree->scale.item<float>(), 1);
}

TEST(RenameTensors, ShowsNewNamesAndRefusesACollision) {
  const auto rename = [](std::string_view name) -> std::string {
    return name == "query" ? "to_q" : name == "position_ids" ? "" : std::string(name);
  };
  const torch::Tensor one = torch::ones({1}), two = torch::ones({2});
  const auto source = rename_tensors(
      make_source({{"query", two}, {"x", one}, {"position_ids", one}}, "file"), rename);
  EXPECT_EQ(source->tensors().size(), 2U);
  EXPECT_TRUE(source->contains("to_q"));
  EXPECT_FALSE(source->contains("query"));
  EXPECT_EQ(source->get("to_q").numel(), 2);
  EXPECT_THAT(thrown<DataError>([&] {
                rename_tensors(make_source({{"query", two}, {"to_q", two}}, "file"), rename);
              }),
              HasSubstr("a tensor named 'to_q' is there too"));
}

TEST(MakeSource, RefusesTheSameNameTwice) {
  EXPECT_EQ(thrown<DataError>([] {
              make_source({{"a", torch::ones({1})}, {"a", torch::ones({1})}}, "memory");
            }),
            "memory: a: appears twice");
}

// The value comes from the Python lines in the header.
TEST(ContentHash, IsTheDocumentedOne) {
  const NamedTensors tensors = {{"b.weight", torch::arange(6, torch::kFloat32).reshape({2, 3})},
                                {"a", torch::tensor(true)},
                                {"c", torch::tensor({1, 2}).to(torch::kBFloat16)}};
  const std::string expected = "3e9aaec89caba8632cb1e17bbdd4b51d937544079a226b7bb2d8f7cb1e1e6bd8";
  EXPECT_EQ(content_hash(tensors), expected);
  EXPECT_EQ(content_hash({tensors[2], tensors[0], tensors[1]}), expected);
  EXPECT_NE(content_hash({tensors[0], tensors[1]}), expected);
  EXPECT_NE(content_hash({{"b", tensors[0].second}, tensors[1], tensors[2]}), expected);
  EXPECT_NE(content_hash({{"b.weight", tensors[0].second.reshape({3, 2})}, tensors[1], tensors[2]}),
            expected);
}

}  // namespace
}  // namespace vdd::tensor
