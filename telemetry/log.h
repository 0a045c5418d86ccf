// All programs log through this class.
//
// Every line is one event with a name and fields, so that the text format is easy to read and the JSON format is easy
// to search:
//   2026-03-01T12:00:00.123Z info  session.opened probe=7A22 session=3f2a… client=pyocd@10.0.0.7
//   {"ts":"2026-03-01T12:00:00.123Z","level":"info","event":"session.opened","probe":"7A22",…}
//
// Lines go through a queue to a thread that writes them (telemetry/log_writer.h): if standard error is not read, lines
// are dropped and counted, and the program goes on.
//
// Threads: any. Nothing blocks but Flush and the destructor. What is logged for each debug command is logged at debug
// level.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "telemetry/log_writer.h"

namespace probegate {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : uint8_t { kText, kJson };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, int64_t v) : key(k), value(std::to_string(v)), number(true) {}
  LogField(std::string_view k, uint64_t v) : key(k), value(std::to_string(v)), number(true) {}
  LogField(std::string_view k, int v) : LogField(k, static_cast<int64_t>(v)) {}
  LogField(std::string_view k, unsigned v) : LogField(k, static_cast<uint64_t>(v)) {}

  std::string_view key;
  std::string value;
  bool number = false;
};

// Writes to standard error. A program creates one Log in main and passes it to whatever logs.
class Log {
 public:
  // Lines below `level` are dropped.
  Log(LogFormat format, LogLevel level);
  // Waits until all lines are written, but at most for a second.
  ~Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool enabled(LogLevel level) const { return level >= level_; }
  // Waits until all lines so far are written, but at most for a second.
  void Flush() { writer_.Flush(); }
  // How many lines were dropped because they could not be written.
  uint64_t dropped() const { return writer_.dropped(); }

  // `event` is a dotted name, the same for every occurrence. `message` is for a person and may be empty. In the text
  // format it replaces the event's name and fields, so it must contain the same information. Fields with an empty value
  // are left out.
  void Write(LogLevel level, std::string_view event, std::string_view message, std::initializer_list<LogField> fields);

  void Debug(std::string_view event, std::initializer_list<LogField> fields) {
    Write(LogLevel::kDebug, event, {}, fields);
  }
  void Info(std::string_view event, std::initializer_list<LogField> fields) {
    Write(LogLevel::kInfo, event, {}, fields);
  }
  void Warning(std::string_view event, std::initializer_list<LogField> fields) {
    Write(LogLevel::kWarning, event, {}, fields);
  }
  void Error(std::string_view event, std::initializer_list<LogField> fields) {
    Write(LogLevel::kError, event, {}, fields);
  }

 private:
  const LogFormat format_;
  const LogLevel level_;
  LogWriter writer_;
};

}  // namespace probegate
