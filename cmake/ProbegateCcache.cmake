# Compiles through ccache where there is one, set so that two clones of the project share what they compiled.
#
# base_dir and no hash_dir: a path below the source root does not count, so a clone elsewhere hits. The sloppiness is
# what ccache's manual asks for with precompiled headers (section "Precompiled headers").

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${CCACHE_PROGRAM})
endif()
