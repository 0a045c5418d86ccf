// The output of `probegate top`.
#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <utility>

#include <google/protobuf/struct.pb.h>

#include "base/printable.h"
#include "cli/print/json.h"
#include "cli/print/screen.h"
#include "cli/print/text_table.h"
#include "cli/top/top.h"

namespace probegate {
namespace {

constexpr size_t kUsersWidth = 28;  // columns

// About three digits, because more cannot be read at a glance.
std::string Figure(double value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(value != 0 && value < 10 ? 1 : 0) << value;
  return text.str();
}

struct TimeUnit {
  double seconds;
  const char* name;
};
constexpr std::array<TimeUnit, 3> kTimeUnits = {{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}}};

std::string Time(double seconds) {
  for (const TimeUnit& unit : kTimeUnits) {
    if (seconds >= unit.seconds) return Figure(seconds / unit.seconds) + unit.name;
  }
  return "<1us";
}

std::string Times(const std::optional<double>& p50, const std::optional<double>& p99) {
  return p50 && p99 ? Time(*p50) + "/" + Time(*p99) : "-";
}

std::string Users(const std::vector<std::string>& users) {
  if (users.empty()) return "-";
  const std::string others = users.size() > 1 ? " +" + std::to_string(users.size() - 1) : "";
  // If there is no room for the address, too, what comes before it is enough.
  std::string first = Printable(users.front());
  const size_t room = kUsersWidth - others.size();
  if (Columns(first) > room) first = first.substr(0, first.rfind('@'));
  if (Columns(first) > room) first = Cut(first, room - 1, 1) + "~";
  return first + others;
}

std::string Lock(const TopRow& row) {
  if (row.lock_waiters > 0) return "held, " + std::to_string(row.lock_waiters) + " waiting";
  return row.lock_held ? "held" : "-";
}

google::protobuf::Value Number(const std::optional<double>& number) {
  google::protobuf::Value value;
  if (number && std::isfinite(*number)) {
    value.set_number_value(*number);
  } else {
    value.set_null_value(google::protobuf::NULL_VALUE);
  }
  return value;
}

google::protobuf::Value Text(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return value;
}

google::protobuf::Value ToValue(const TopRow& row) {
  google::protobuf::Value message;
  const auto add = [&message](const std::string& name, google::protobuf::Value value) {
    (*message.mutable_struct_value()->mutable_fields())[name] = std::move(value);
  };
  const auto rate = [&row](double TopRates::* member) {
    return Number(row.rates ? std::optional<double>(*row.rates.*member) : std::nullopt);
  };
  google::protobuf::Value users;
  users.mutable_list_value();
  for (const std::string& user : row.users) *users.mutable_list_value()->add_values() = Text(user);
  google::protobuf::Value lock_held;
  lock_held.set_bool_value(row.lock_held);
  add("probe", Text(row.probe));
  add("host", Text(row.place.host));
  add("server", Text(row.place.server));
  add("state", Text(row.state));
  add("users", std::move(users));
  add("commands_per_second", rate(&TopRates::commands));
  add("command_failures_per_second", rate(&TopRates::command_failures));
  add("packets_per_second", rate(&TopRates::packets));
  add("bytes_per_second", rate(&TopRates::bytes));
  add("commands_per_packet", Number(row.commands_per_packet));
  add("wait_p50_seconds", Number(row.wait_p50));
  add("wait_p99_seconds", Number(row.wait_p99));
  add("wire_p50_seconds", Number(row.wire_p50));
  add("wire_p99_seconds", Number(row.wire_p99));
  add("queue_depth", Number(row.queue_depth));
  add("lock_held", std::move(lock_held));
  add("lock_waiters", Number(row.lock_waiters));
  return message;
}

std::string Count(size_t count, const char* thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace

std::string Summary(const Top& top) {
  TopRates all;
  size_t sessions = 0;
  for (const TopRow& row : top.rows) {
    sessions += row.users.size();
    const TopRates rates = row.rates.value_or(TopRates());
    all.commands += rates.commands;
    all.command_failures += rates.command_failures;
    all.bytes += rates.bytes;
  }
  return top.time + "  " + Count(top.rows.size(), "probe") + ", " + Count(sessions, "session") + "  " +
         Figure(all.commands) + " cmd/s, " + Figure(all.command_failures) + " fail/s, " + Figure(all.bytes / 1e3) +
         " KB/s";
}

std::string ToTable(const Top& top) {
  std::vector<std::vector<std::string>> rows = {{"PROBE", "HOST", "STATE", "USERS", "CMD/S", "FAIL/S", "WAIT p50/p99",
                                                 "WIRE p50/p99", "PKT/S", "CMD/PKT", "KB/S", "QUEUE", "LOCK"}};
  for (const TopRow& row : top.rows) {
    const auto rate = [&row](double TopRates::* member, double unit) {
      return row.rates ? Figure(*row.rates.*member / unit) : std::string("-");
    };
    rows.push_back({row.probe, row.place.column, row.state, Users(row.users), rate(&TopRates::commands, 1),
                    rate(&TopRates::command_failures, 1), Times(row.wait_p50, row.wait_p99),
                    Times(row.wire_p50, row.wire_p99), rate(&TopRates::packets, 1),
                    row.commands_per_packet ? Figure(*row.commands_per_packet) : "-", rate(&TopRates::bytes, 1e3),
                    std::to_string(row.queue_depth), Lock(row)});
  }
  return FormatTable(rows);
}

std::string ToJson(const Top& top) {
  google::protobuf::Value probes;
  probes.mutable_list_value();
  for (const TopRow& row : top.rows) *probes.mutable_list_value()->add_values() = ToValue(row);
  return "{\"time\":" + ToJson(top.time) + ",\"seconds\":" + ToJson(Number(top.seconds)) +
         ",\"probes\":" + ToJson(probes) + "}";
}

}  // namespace probegate
