// One row for each debug command that has a unary call: the name of the method, and the name of its field in the oneofs
// of StreamRequest and StreamResponse. Every method of DebugProbe has a row, except OpenSession, CloseSession and
// Stream.
#pragma once

#define PROBEGATE_UNARY_COMMANDS(ROW)                       \
  ROW(GetState, get_state)                                  \
  ROW(Open, open)                                           \
  ROW(Close, close)                                         \
  ROW(Lock, lock)                                           \
  ROW(Unlock, unlock)                                       \
  ROW(Connect, connect)                                     \
  ROW(Disconnect, disconnect)                               \
  ROW(SwjSequence, swj_sequence)                            \
  ROW(SwdSequence, swd_sequence)                            \
  ROW(JtagSequence, jtag_sequence)                          \
  ROW(SetClock, set_clock)                                  \
  ROW(Reset, reset)                                         \
  ROW(AssertReset, assert_reset)                            \
  ROW(IsResetAsserted, is_reset_asserted)                   \
  ROW(Flush, flush)                                         \
  ROW(ReadDp, read_dp)                                      \
  ROW(WriteDp, write_dp)                                    \
  ROW(ReadAp, read_ap)                                      \
  ROW(WriteAp, write_ap)                                    \
  ROW(ReadApMultiple, read_ap_multiple)                     \
  ROW(WriteApMultiple, write_ap_multiple)                   \
  ROW(GetMemoryInterfaceForAp, get_memory_interface_for_ap) \
  ROW(ReadMem, read_mem)                                    \
  ROW(WriteMem, write_mem)                                  \
  ROW(ReadBlock32, read_block32)                            \
  ROW(WriteBlock32, write_block32)                          \
  ROW(ReadBlock8, read_block8)                              \
  ROW(WriteBlock8, write_block8)                            \
  ROW(HasSwo, has_swo)                                      \
  ROW(SwoStart, swo_start)                                  \
  ROW(SwoStop, swo_stop)                                    \
  ROW(SwoRead, swo_read)
