# SPDX-License-Identifier: Apache-2.0
# One function gives every target of the project its warnings and sanitizers.
function(vdd_compile_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    # GCC 12 takes strings of a temporary that is built member by member for uninitialised.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<BOOL:${VDD_WERROR}>:-Werror>)
  if(VDD_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${VDD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${VDD_SANITIZE})
  endif()
endfunction()
