# SPDX-License-Identifier: Apache-2.0
# A folder is a target is a layer.

# The one precompiled header of the project. Every target that sees LibTorch reuses it.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch/torch_pch.cpp CONTENT "// holds the precompiled header\n")
add_library(vdd_torch_pch OBJECT ${PROJECT_BINARY_DIR}/pch/torch_pch.cpp)
target_link_libraries(vdd_torch_pch PUBLIC vdd_torch)
target_compile_options(vdd_torch_pch PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
target_precompile_headers(vdd_torch_pch PRIVATE <torch/torch.h>)
vdd_compile_options(vdd_torch_pch)

function(vdd_use_torch target)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")  # the header is compiled with -fPIC, and -fPIE would not match
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  target_precompile_headers(${target} REUSE_FROM vdd_torch_pch)
endfunction()

# Compiles several sources of a target as one, where VDD_UNITY is on: LibTorch's header is loaded, and its templates are
# instantiated, once for all. So no two sources of a target may give one name to two helpers.
function(vdd_unity target)
  if(VDD_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # GCC takes a type of an unnamed namespace for one of a header if its source was included.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# The code of tests is compiled once and run once: optimizing it would take longer than it saves.
function(vdd_test_options target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# vdd_plain_sources(<target> SOURCES <file>... LIBRARIES <target>...)
# Sources of a target that sees LibTorch which themselves do not: they need not load its precompiled header.
function(vdd_plain_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES)
    return()
  endif()
  add_library(${target}_plain OBJECT ${arg_SOURCES})
  target_link_libraries(${target}_plain PRIVATE ${arg_LIBRARIES})
  target_include_directories(${target}_plain PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests
    $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_compile_definitions(${target}_plain PRIVATE $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
  vdd_compile_options(${target}_plain)
  vdd_unity(${target}_plain)
  if(target MATCHES "^test_")
    vdd_test_options(${target}_plain)
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_plain>)
endfunction()

# vdd_layer(<name> [TORCH] SOURCES <file>... [PLAIN <file>...] [DEPENDS <layer>...] [PRIVATE <target>...])
# PLAIN: sources of a TORCH layer that see no LibTorch.
# The only public include folder of a layer is a root that holds a link to its own headers, so a header of a layer that
# is not named in DEPENDS does not exist for it.
function(vdd_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;PLAIN;DEPENDS;PRIVATE")
  set(target vdd_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(vdd::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME vdd_${name})

  set(root ${PROJECT_BINARY_DIR}/include_roots/${name})
  file(MAKE_DIRECTORY ${root}/vdd)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/include/vdd/${name} ${root}/vdd/${name} SYMBOLIC)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src/${name})

  list(TRANSFORM arg_DEPENDS PREPEND vdd_)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
  vdd_compile_options(${target})
  vdd_unity(${target})
  vdd_plain_sources(${target} SOURCES ${arg_PLAIN} LIBRARIES ${arg_DEPENDS} ${arg_PRIVATE})
  if(arg_TORCH)
    target_link_libraries(${target} PUBLIC vdd_torch)
    vdd_use_torch(${target})
  endif()
  set_property(GLOBAL APPEND PROPERTY VDD_LAYER_TARGETS ${target})
endfunction()

# vdd_test(<name> [TORCH] SOURCES <file>... [PLAIN <file>...] LAYERS <layer>... [PRIVATE <target>...] [LABELS <label>...] [TIMEOUT <s>])
# One executable for the tests of one layer, and one CTest test: loading LibTorch costs more than most cases.
function(vdd_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "TIMEOUT" "SOURCES;PLAIN;LAYERS;PRIVATE;LABELS")
  set(target test_${name})
  add_executable(${target} ${arg_SOURCES})
  list(TRANSFORM arg_LAYERS PREPEND vdd_)
  target_link_libraries(${target} PRIVATE ${arg_LAYERS} ${arg_PRIVATE} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE
    VDD_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures" VDD_BIN_DIR="${PROJECT_BINARY_DIR}/bin"
    VDD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  vdd_compile_options(${target})
  vdd_unity(${target})
  vdd_test_options(${target})
  vdd_plain_sources(${target} SOURCES ${arg_PLAIN} LIBRARIES ${arg_LAYERS} ${arg_PRIVATE} GTest::gtest GTest::gmock)
  if(arg_TORCH)
    target_link_libraries(${target} PRIVATE vdd_torch)
    vdd_use_torch(${target})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "OMP_NUM_THREADS=2")
endfunction()

# vdd_tool(<name> SOURCES <file>... [PLAIN <file>...] LAYERS <layer>... [PRIVATE <target>...])
function(vdd_tool name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PLAIN;LAYERS;PRIVATE")
  add_executable(${name} ${arg_SOURCES})
  list(TRANSFORM arg_LAYERS PREPEND vdd_)
  target_link_libraries(${name} PRIVATE ${arg_LAYERS} ${arg_PRIVATE} CLI11::CLI11 vdd_torch vdd_torch_cuda)
  vdd_compile_options(${name})
  vdd_unity(${name})
  vdd_plain_sources(${name} SOURCES ${arg_PLAIN} LIBRARIES ${arg_LAYERS} ${arg_PRIVATE} CLI11::CLI11)
  vdd_use_torch(${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
