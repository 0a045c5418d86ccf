#include "telemetry/log.h"

#include <unistd.h>

#include <array>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace probegate {
namespace {

struct LevelRow {
  LogLevel level;
  std::string_view name;
};
constexpr std::array<LevelRow, 4> kLevels = {{
    {LogLevel::kDebug, "debug"},
    {LogLevel::kInfo, "info"},
    {LogLevel::kWarning, "warning"},
    {LogLevel::kError, "error"},
}};

const LevelRow& Row(LogLevel level) { return kLevels[static_cast<size_t>(level)]; }

// With control characters, a client's text could break out of its line or change a terminal's colours.
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (IsControl(c)) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  AppendEscaped(out, text);
  out += '"';
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c == ' ' || c == '"' || c == '=' || c == '\\' || IsControl(c)) return true;
  }
  return false;
}

void AppendField(std::string& out, const LogField& field, LogFormat format) {
  if (format == LogFormat::kJson) {
    out += ',';
    AppendQuoted(out, field.key);
    out += ':';
  } else {
    out += ' ';
    out += field.key;
    out += '=';
  }
  const bool plain = format == LogFormat::kJson ? field.number : !NeedsQuotes(field.value);
  if (plain) {
    out += field.value;
  } else {
    AppendQuoted(out, field.value);
  }
}

// A line as Log::Write describes it, with the current time.
std::string Line(LogFormat format, LogLevel level, std::string_view event, std::string_view message,
                 std::initializer_list<LogField> fields) {
  const bool json = format == LogFormat::kJson;
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  std::string line;
  if (json) {
    line = absl::StrFormat(R"({"ts":"%s","level":"%s","event":)", time, Row(level).name);
    AppendQuoted(line, event);
    if (!message.empty()) {
      line += R"(,"message":)";
      AppendQuoted(line, message);
    }
  } else {
    line = absl::StrFormat("%s %-7s ", time, Row(level).name);
    AppendEscaped(line, message.empty() ? event : message);
  }
  for (const LogField& field : fields) {
    if (!field.value.empty() && (json || message.empty())) AppendField(line, field, format);
  }
  line += json ? "}\n" : "\n";
  return line;
}

}  // namespace

Log::Log(LogFormat format, LogLevel level)
    : format_(format), level_(level), writer_(STDERR_FILENO, [format](uint64_t dropped) {
        return Line(format, LogLevel::kWarning, "log.dropped", {}, {{"lines", dropped}});
      }) {}

void Log::Write(LogLevel level, std::string_view event, std::string_view message,
                std::initializer_list<LogField> fields) {
  if (enabled(level)) writer_.Write(Line(format_, level, event, message, fields));
}

}  // namespace probegate
