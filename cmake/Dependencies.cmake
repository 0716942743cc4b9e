# SPDX-License-Identifier: Apache-2.0
include(TorchWheel)

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(JPEG REQUIRED)
find_package(OpenEXR CONFIG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_path(LIBDEFLATE_INCLUDE_DIR libdeflate.h REQUIRED)
find_library(LIBDEFLATE_LIBRARY deflate REQUIRED)
# OpenCV's CMake package comes with all of its modules and what those need; two of them are enough here.
find_path(OPENCV_INCLUDE_DIR opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)
find_path(FFMPEG_INCLUDE_DIR libavformat/avformat.h REQUIRED)
foreach(library opencv_core opencv_imgproc avformat avcodec swscale avutil)
  find_library(${library}_LIBRARY ${library} REQUIRED)
endforeach()
if(VDD_TESTS)
  find_package(GTest REQUIRED)
endif()

if(VDD_CCACHE)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    # A precompiled header is cached only when ccache may ignore its time stamps and unused macros.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
  endif()
endif()
