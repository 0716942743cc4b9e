# SPDX-License-Identifier: Apache-2.0
# Imported targets for the LibTorch that the `torch` wheel ships:
#   vdd::torch       the CPU part, for libraries and tests
#   vdd::torch_cuda  the CUDA part, for programs; only if the wheel has it
# The wheel's own package file asks for a CUDA toolkit, which a machine that only builds C++ need not have.
# Input: VDD_TORCH_DIR (the wheel's `torch` folder), else the Python of VDD_PYTHON is asked where it is.

find_program(VDD_PYTHON NAMES python3 python REQUIRED)
if(NOT VDD_TORCH_DIR)
  execute_process(
    COMMAND ${VDD_PYTHON} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE torch_dir RESULT_VARIABLE status ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "No torch wheel: set VDD_TORCH_DIR to its `torch` folder, or VDD_PYTHON to a Python that has it")
  endif()
  set(VDD_TORCH_DIR ${torch_dir} CACHE PATH "The `torch` folder of the installed wheel")
endif()

find_library(VDD_TORCH_CPU_LIBRARY torch_cpu PATHS ${VDD_TORCH_DIR}/lib NO_DEFAULT_PATH REQUIRED)
find_library(VDD_C10_LIBRARY c10 PATHS ${VDD_TORCH_DIR}/lib NO_DEFAULT_PATH REQUIRED)
find_library(VDD_TORCH_CUDA_LIBRARY torch_cuda PATHS ${VDD_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(VDD_C10_CUDA_LIBRARY c10_cuda PATHS ${VDD_TORCH_DIR}/lib NO_DEFAULT_PATH)

# The linker must find the wheel's companions before the machine's older ones.
file(GLOB wheel_library_dirs LIST_DIRECTORIES true ${VDD_TORCH_DIR}/../nvidia/*/lib)
set(torch_link_options -Wl,-rpath,${VDD_TORCH_DIR}/lib)
foreach(dir IN LISTS wheel_library_dirs)
  cmake_path(NORMAL_PATH dir)
  list(APPEND torch_link_options -Wl,-rpath,${dir} -Wl,-rpath-link,${dir})
endforeach()

add_library(vdd_torch INTERFACE)
add_library(vdd::torch ALIAS vdd_torch)
set_target_properties(vdd_torch PROPERTIES EXPORT_NAME torch)
# For the build only: an installation may not name folders of the source tree, where the wheel usually lies, so that
# vddConfig.cmake adds them.
target_include_directories(vdd_torch SYSTEM INTERFACE
  $<BUILD_INTERFACE:${VDD_TORCH_DIR}/include>
  $<BUILD_INTERFACE:${VDD_TORCH_DIR}/include/torch/csrc/api/include>)
target_link_libraries(vdd_torch INTERFACE ${VDD_TORCH_CPU_LIBRARY} ${VDD_C10_LIBRARY})
target_link_options(vdd_torch INTERFACE ${torch_link_options})

if(VDD_CUDA STREQUAL "ON" AND NOT VDD_TORCH_CUDA_LIBRARY)
  message(FATAL_ERROR "VDD_CUDA is ON, but the torch wheel in ${VDD_TORCH_DIR} is a build without CUDA")
endif()
add_library(vdd_torch_cuda INTERFACE)
add_library(vdd::torch_cuda ALIAS vdd_torch_cuda)
set(VDD_CUDA_VERSION "")
if(NOT VDD_CUDA STREQUAL "OFF" AND VDD_TORCH_CUDA_LIBRARY)
  # Nothing names its symbols: the libraries register their kernels when they are loaded.
  target_link_libraries(vdd_torch_cuda INTERFACE
    -Wl,--no-as-needed ${VDD_TORCH_CUDA_LIBRARY} ${VDD_C10_CUDA_LIBRARY} -Wl,--as-needed)
  target_link_options(vdd_torch_cuda INTERFACE ${torch_link_options})
  file(STRINGS ${VDD_TORCH_DIR}/version.py cuda REGEX "^cuda")
  string(REGEX MATCH "[0-9.]+" VDD_CUDA_VERSION "${cuda}")
endif()
