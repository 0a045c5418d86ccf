#include "telemetry/log.h"

#include <array>

#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace probegate {
namespace {

struct LevelRow {
  LogLevel level;
  std::string_view name;
  spdlog::level::level_enum spd;
};
constexpr std::array<LevelRow, 4> kLevels = {{
    {LogLevel::kDebug, "debug", spdlog::level::debug},
    {LogLevel::kInfo, "info", spdlog::level::info},
    {LogLevel::kWarning, "warning", spdlog::level::warn},
    {LogLevel::kError, "error", spdlog::level::err},
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
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
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

}  // namespace

Log::Log(LogFormat format, LogLevel level)
    : format_(format),
      level_(level),
      logger_(std::make_shared<spdlog::logger>("probegate", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_level(Row(level).spd);
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kJson ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
      spdlog::pattern_time_type::utc));
  logger_->flush_on(spdlog::level::debug);
}

Log::~Log() = default;

void Log::Write(LogLevel level, std::string_view event, std::string_view message,
                std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  std::string line;
  if (format_ == LogFormat::kJson) {
    line += R"("level":)";
    AppendQuoted(line, Row(level).name);
    line += R"(,"event":)";
    AppendQuoted(line, event);
    if (!message.empty()) {
      line += R"(,"message":)";
      AppendQuoted(line, message);
    }
    for (const LogField& field : fields) {
      if (field.value.empty()) continue;
      line += ',';
      AppendQuoted(line, field.key);
      line += ':';
      if (field.number) {
        line += field.value;
      } else {
        AppendQuoted(line, field.value);
      }
    }
  } else {
    line += fmt::format("{:<7} ", Row(level).name);
    AppendEscaped(line, message.empty() ? event : message);
    for (const LogField& field : fields) {
      if (!message.empty()) break;
      if (field.value.empty()) continue;
      line += ' ';
      line += field.key;
      line += '=';
      if (NeedsQuotes(field.value)) {
        AppendQuoted(line, field.value);
      } else {
        line += field.value;
      }
    }
  }
  logger_->log(Row(level).spd, line);
}

}  // namespace probegate
