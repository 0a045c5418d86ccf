# Compiles through ccache if it is installed, configured so that two clones of the project share their cached results.
#
# base_dir and no hash_dir: paths below the source root are not part of the hash, so a clone in another place gets cache
# hits. The sloppiness settings are those that ccache's manual requires for precompiled headers (section "Precompiled
# headers").

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${CCACHE_PROGRAM})
endif()
