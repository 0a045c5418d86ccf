// The server's options and configuration file, and its errors about wrong ones.
#include "server/config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Outcome {
  std::optional<int> exit_code;
  ServerConfig config;
  std::string complaint;
};

Outcome Read(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "probegate-server");
  Outcome outcome;
  testing::internal::CaptureStderr();
  outcome.exit_code = ReadServerConfig(static_cast<int>(arguments.size()), arguments.data(), outcome.config);
  outcome.complaint = testing::internal::GetCapturedStderr();
  return outcome;
}

Outcome ReadFile(const std::string& yaml, std::vector<const char*> arguments = {}) {
  const std::string path = testing::TempDir() + "server_config_test.yaml";
  std::ofstream(path) << yaml;
  arguments.push_back("--config");
  arguments.push_back(path.c_str());
  Outcome outcome = Read(arguments);
  std::filesystem::remove(path);
  return outcome;
}

// Expects the exit code for wrong arguments, and a single line that contains all of `parts`.
void ExpectRefused(const Outcome& outcome, const std::vector<std::string>& parts) {
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(std::count(outcome.complaint.begin(), outcome.complaint.end(), '\n'), 1) << outcome.complaint;
  for (const std::string& part : parts) EXPECT_THAT(outcome.complaint, HasSubstr(part));
}

TEST(ServerConfigTest, Access) {
  const Outcome none = Read({});
  EXPECT_FALSE(none.config.access.identifies());
  const Outcome outcome = Read({"--access", "a.yaml", "--tokens", "t", "--key-cache", "keys", "--audit", "syslog"});
  EXPECT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_EQ(outcome.config.access.access, "a.yaml");
  EXPECT_EQ(outcome.config.access.tokens, "t");
  EXPECT_EQ(outcome.config.access.key_cache, "keys");
  EXPECT_EQ(outcome.config.access.audit, "syslog");
  EXPECT_TRUE(outcome.config.access.identifies());
  EXPECT_TRUE(Read({"--tokens", "t"}).config.access.identifies());
  ExpectRefused(Read({"--key-cache", "keys"}), {"--key-cache needs --access"});
}

TEST(ServerConfigTest, Defaults) {
  const Outcome outcome = Read({});
  EXPECT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_EQ(outcome.config.listen.ToString(), "127.0.0.1:50051");
  EXPECT_EQ(outcome.config.lane.lock_idle, 10s);
  EXPECT_EQ(outcome.config.lane.lock_max, 60s);
  EXPECT_EQ(outcome.config.log.level(), LogLevel::kInfo);
  EXPECT_EQ(outcome.config.metrics.listen, (Endpoint{"127.0.0.1", 9464}));
}

TEST(ServerConfigTest, MetricsAreServedOnTheGivenAddressOrNotAtAll) {
  EXPECT_EQ(Read({"--metrics-listen", "[::1]:0"}).config.metrics.listen, (Endpoint{"::1", 0}));
  EXPECT_EQ(Read({"--metrics-listen", "none"}).config.metrics.listen, std::nullopt);
  EXPECT_EQ(ReadFile("metrics-listen: none\n").config.metrics.listen, std::nullopt);
  EXPECT_EQ(ReadFile("metrics-listen: 127.0.0.1:1\n").config.metrics.listen, (Endpoint{"127.0.0.1", 1}));
  ExpectRefused(Read({"--metrics-listen", "somewhere"}), {"--metrics-listen", "somewhere", "HOST:PORT", "none"});
}

TEST(ServerConfigTest, UsbIsServedUnlessDisabled) {
  EXPECT_TRUE(Read({}).config.usb);
  EXPECT_FALSE(Read({"--no-usb"}).config.usb);
  EXPECT_FALSE(ReadFile("no-usb: true\n").config.usb);
  EXPECT_EQ(Read({}).config.record, "");
  EXPECT_EQ(ReadFile("record: packets.jsonl\n").config.record, "packets.jsonl");
}

TEST(ServerConfigTest, Flags) {
  const Outcome outcome = Read({"-u", "A1", "--uid", "B2", "--probe", "C3", "--listen", "[::1]:0", "--cmsis-dap-tcp",
                                "board:4441", "--cmsis-dap-tcp", "10.0.0.9:5000-5001", "--lock-idle", "0.25",
                                "--lock-max", "5", "-v", "--log-format", "json"});
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_THAT(outcome.config.uids, ElementsAre("A1", "B2", "C3"));
  EXPECT_EQ(outcome.config.listen, (Endpoint{"::1", 0}));
  EXPECT_THAT(outcome.config.cmsis_dap_tcp,
              ElementsAre(Endpoint{"board", 4441}, Endpoint{"10.0.0.9", 5000}, Endpoint{"10.0.0.9", 5001}));
  EXPECT_EQ(outcome.config.lane.lock_idle, 250ms);
  EXPECT_EQ(outcome.config.lane.lock_max, 5s);
  EXPECT_EQ(outcome.config.log.level(), LogLevel::kDebug);
  EXPECT_EQ(outcome.config.log.log_format(), LogFormat::kJson);
}

TEST(ServerConfigTest, AFileUsesTheNamesOfTheFlags) {
  const Outcome outcome = ReadFile(
      "uid: [A1, B2]\nlisten: 0.0.0.0:7000\nallow-remote: true\ninsecure: true\ncmsis-dap-tcp: board:1-2\nlock-max: "
      "1.5\nquiet: yes\n");
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_THAT(outcome.config.uids, ElementsAre("A1", "B2"));
  EXPECT_EQ(outcome.config.listen.ToString(), "0.0.0.0:7000");
  EXPECT_TRUE(outcome.config.exposure.allow_remote);
  EXPECT_TRUE(outcome.config.exposure.insecure);
  EXPECT_EQ(outcome.config.cmsis_dap_tcp.size(), 2u);
  EXPECT_EQ(outcome.config.lane.lock_max, 1500ms);
  EXPECT_EQ(outcome.config.log.level(), LogLevel::kWarning);
}

TEST(ServerConfigTest, FlagsOverrideTheFile) {
  const Outcome outcome =
      ReadFile("listen: 127.0.0.1:1\nuid: [A1]\nlock-max: 2\n", {"--listen", "127.0.0.1:2", "-u", "B2"});
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_EQ(outcome.config.listen.port, 2);
  EXPECT_THAT(outcome.config.uids, ElementsAre("B2"));
  EXPECT_EQ(outcome.config.lane.lock_max, 2s);
}

TEST(ServerConfigTest, WrongArgumentsAreNamed) {
  ExpectRefused(Read({"--frob"}), {"--frob"});
  ExpectRefused(Read({"--listen", "nowhere"}), {"--listen", "nowhere", "HOST:PORT"});
  ExpectRefused(Read({"--cmsis-dap-tcp", "h:9-3"}), {"--cmsis-dap-tcp", "h:9-3"});
  ExpectRefused(Read({"--lock-idle", "soon"}), {"--lock-idle", "soon"});
  ExpectRefused(Read({"--lock-idle", "-1"}), {"--lock-idle", "-1"});
  ExpectRefused(Read({"--log-format", "xml"}), {"--log-format", "xml"});
}

TEST(ServerConfigTest, ARemoteAddressNeedsAllowRemote) {
  ExpectRefused(Read({"--listen", "0.0.0.0:50051"}), {"0.0.0.0:50051", "--allow-remote"});
  EXPECT_FALSE(Read({"--listen", "0.0.0.0:50051", "--allow-remote", "--insecure"}).exit_code);
  EXPECT_FALSE(Read({"--listen", "localhost:50051"}).exit_code);
  EXPECT_FALSE(Read({"--listen", "localhost:50051", "--allow-remote"}).exit_code);
}

TEST(ServerConfigTest, ARemoteAddressNeedsTlsOrInsecure) {
  const std::vector<std::string> both_ways = {"0.0.0.0:50051", "--tls-cert", "--tls-key", "--insecure"};
  ExpectRefused(Read({"--listen", "0.0.0.0:50051"}), both_ways);
  ExpectRefused(Read({"--listen", "0.0.0.0:50051", "--insecure"}), {"--allow-remote"});
  ExpectRefused(Read({"--listen", "0.0.0.0:50051", "--allow-remote"}), both_ways);
  ExpectRefused(ReadFile("listen: 0.0.0.0:50051\nallow-remote: true\n"), both_ways);
  EXPECT_FALSE(
      Read({"--listen", "0.0.0.0:50051", "--allow-remote", "--tls-cert", "c.pem", "--tls-key", "k.pem"}).exit_code);
}

TEST(ServerConfigTest, OptionsOfTls) {
  const Outcome outcome = ReadFile(
      "tls-cert: c.pem\ntls-key: k.pem\ntls-client-ca: ca.pem\ntls-client-required: true\ntls-crl-dir: crls\n");
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  const ServerTlsFiles tls = outcome.config.tls.server();
  EXPECT_EQ(tls.certificate, "c.pem");
  EXPECT_EQ(tls.key, "k.pem");
  EXPECT_EQ(tls.client_ca, "ca.pem");
  EXPECT_TRUE(tls.client_required);
  EXPECT_EQ(tls.crl_directory, "crls");
  ExpectRefused(Read({"--tls-cert", "c.pem"}), {"--tls-cert needs --tls-key"});
  ExpectRefused(Read({"--tls-key", "k.pem"}), {"--tls-key needs --tls-cert"});
  ExpectRefused(ReadFile("tls-client-ca: ca.pem\n"), {"--tls-client-ca needs --tls-cert"});
  ExpectRefused(ReadFile("tls-client-required: true\n"), {"--tls-client-required needs --tls-client-ca"});
  ExpectRefused(Read({"--tls-crl-dir", "d"}), {"--tls-crl-dir needs --tls-client-ca"});
}

TEST(ServerConfigTest, AUnixSocketIsLocal) {
  const Outcome outcome = ReadFile("listen: unix:/run/probegate.sock\nlisten-group: lab\n");
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  EXPECT_TRUE(outcome.config.listen.is_unix());
  EXPECT_EQ(outcome.config.listen.ToString(), "unix:/run/probegate.sock");
  EXPECT_EQ(outcome.config.exposure.group, "lab");
  ExpectRefused(Read({"--listen-group", "lab"}), {"--listen-group", "unix:/PATH"});
  ExpectRefused(Read({"--listen", "unix:relative"}), {"unix:relative", "unix:/PATH"});
}

TEST(ServerConfigTest, AnErrorInTheFileNamesKeyAndValue) {
  ExpectRefused(Read({"--config", "/nonexistent.yaml"}), {"/nonexistent.yaml"});
  ExpectRefused(ReadFile("lissten: 127.0.0.1:1\n"), {".yaml:1", "lissten", "127.0.0.1:1"});
  ExpectRefused(ReadFile("quiet: true\nlock-idle: soon\n"), {".yaml:2", "lock-idle", "soon"});
  ExpectRefused(ReadFile("allow-remote: maybe\n"), {"allow-remote", "maybe"});
  ExpectRefused(ReadFile("listen: [a, b]\n"), {"listen", "[a, b]"});
  ExpectRefused(ReadFile("listen:\n"), {"listen"});
  ExpectRefused(ReadFile("- a\n"), {".yaml"});
  ExpectRefused(ReadFile("listen: {a: [\n"), {".yaml"});
  ExpectRefused(ReadFile("config: x.yaml\n"), {"config"});
}

TEST(ServerConfigTest, TheFileHasSettingsForSingleProbes) {
  const Outcome outcome = ReadFile(R"(
probes:
  - match: {uid: 7A22}
    packet-count: 1
    packet-size: 64
    clock: 500k
    clock-max: 1.5M
    serial: BENCH-3
    cmsis-dap: v1
    jtag-chain: {ir-lengths: [4, 5], device: 0}
    labels: {rack: left, "chip/family": stm32f4}
  - match: {usb: "1fc9:0143", product: "MCU-Link*"}
    cmsis-dap: ignore
  - match:
      usb: 0d28:0204
)");
  ASSERT_FALSE(outcome.exit_code) << outcome.complaint;
  const auto& rules = outcome.config.probe_rules;
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].match.uid, "7A22");
  EXPECT_EQ(rules[0].from, "configuration");
  std::vector<std::string> shown;
  for (const cmsis_dap::SettingRow& row : cmsis_dap::SettingRows()) shown.push_back(row.text(rules[0].settings));
  // A setting that the file cannot have would show as an empty text.
  EXPECT_THAT(shown, ElementsAre("1", "64", "500000", "1500000", "BENCH-3", "v1", "ir-lengths 4 5, device 0"));
  EXPECT_EQ(rules[0].settings.labels,
            (std::map<std::string, std::string>{{"rack", "left"}, {"chip/family", "stm32f4"}}));
  EXPECT_EQ(rules[1].match.usb, (cmsis_dap::UsbId{0x1fc9, 0x0143}));
  EXPECT_EQ(rules[1].match.product, "MCU-Link*");
  EXPECT_EQ(rules[1].settings.cmsis_dap, cmsis_dap::DapUse::kIgnore);
  EXPECT_EQ(rules[2].match.usb, (cmsis_dap::UsbId{0x0d28, 0x0204}));
  EXPECT_TRUE(ReadFile("probes: []\n").config.probe_rules.empty());
}

TEST(ServerConfigTest, AnErrorInASettingNamesItsLine) {
  const struct {
    const char* entry;  // follows "probes:\n  - match: {uid: A}\n", so it begins in line 3
    std::vector<std::string> parts;
  } rows[] = {
      {"    packet-count: 0\n", {".yaml:3: probes: ", "packet-count: 0", "from 1 to 255"}},
      {"    packet-count: 1.5\n", {".yaml:3", "packet-count: 1.5"}},
      {"    packet-count:\n    clock: 1M\n", {".yaml:3", "packet-count must have a value"}},
      {"    packet-count: [1]\n", {".yaml:3", "packet-count must have a value"}},
      {"    packet-size: 31\n", {".yaml:3", "packet-size: 31", "from 32 to 16384"}},
      {"    clock: 1M\n    clock-max: fast\n", {".yaml:4", "clock-max: fast", "4M"}},
      {"    clock: 0.5\n", {".yaml:3", "clock: 0.5"}},
      {"    clock: 2G\n", {".yaml:3", "clock: 2G"}},
      {"    serial: \"\"\n", {".yaml:3", "serial must have a value"}},
      {"    serial: \"a\\nb\"\n", {".yaml:3", "serial must be one line"}},
      {"    cmsis-dap: v3\n", {".yaml:3", "cmsis-dap: v3", "not v1, v2 or ignore"}},
      {"    packet-cuont: 1\n", {".yaml:3", "unknown key: packet-cuont", "packet-count"}},
      {"    serial: a\n    serial: b\n", {".yaml:4", "serial twice"}},
      {"    match: {uid: B}\n", {".yaml:3", "match twice"}},
      {"    jtag-chain: [4, 5]\n", {".yaml:3", "jtag-chain must be a map"}},
      {"    jtag-chain: {}\n", {".yaml:3", "must have ir-lengths"}},
      {"    jtag-chain:\n      ir-lengths: [4, 1]\n", {".yaml:4", "ir-lengths: 1", "from 2"}},
      {"    jtag-chain: {ir-lengths: [4], device: 1}\n", {".yaml:3", "no device 1"}},
      {"    jtag-chain: {irlens: [4]}\n", {".yaml:3", "irlens"}},
      {"    labels: [a]\n", {".yaml:3", "labels must be a map"}},
      {"    labels:\n      rack: left\n      \"a=b\": c\n", {".yaml:5", "a=b"}},
      {"    labels: {rack: }\n", {".yaml:3", "rack must have a value"}},
      {"  - packet-count: 1\n", {".yaml:3", "must have the key match"}},
      {"  - match: {}\n", {".yaml:3", "uid, usb or product"}},
      {"  - match: {usb: 0x0d28}\n", {".yaml:3", "usb: 0x0d28", "VENDOR:PRODUCT"}},
      {"  - match: {vendor: X}\n", {".yaml:3", "unknown key in match: vendor"}},
      {"  - match: 7A22\n", {".yaml:3", "match must be a map"}},
      {"  - 7A22\n", {".yaml:3", "an entry must be a map"}},
  };
  for (const auto& row : rows) {
    ExpectRefused(ReadFile(std::string("probes:\n  - match: {uid: A}\n") + row.entry), row.parts);
  }
  ExpectRefused(ReadFile("probes: {uid: A}\n"), {".yaml:1", "probes", "list"});
  ExpectRefused(ReadFile("probes:\n"), {".yaml:1", "probes", "has no value"});
  ExpectRefused(ReadFile("probes: []\nquiet: true\nprobes: []\n"), {".yaml:3", "probes", "already set in line 1"});
}

TEST(ServerConfigTest, VersionAndHelpExitWithZero) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(Read({"--version"}).exit_code, 0);
  EXPECT_EQ(Read({"--help"}).exit_code, 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), AllOf(HasSubstr("probegate-server "), HasSubstr("--lock-idle")));
}

}  // namespace
}  // namespace probegate
