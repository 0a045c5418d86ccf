#include "access/audit_event.h"

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/access/folder.h"

namespace probegate {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

// An event with everything.
AuditEvent Everything() {
  AuditEvent event{.kind = AuditKind::kMemoryWritten,
                   .time = absl::FromUnixMillis(1'800'000'000'123),
                   .peer = "10.0.0.7:41234",
                   .client = "pyocd",
                   .gateway = "certificate:gateway.example",
                   .method = "/probegate.v1.DebugProbe/Stream",
                   .probe = "7A22",
                   .session = "3f2a90c1d2e4b5a6",
                   .lease = "0112be198e3e3c44",
                   .bytes = 4096,
                   .first_address = 0x20000000,
                   .last_address = 0x20000FFF,
                   .locks = 2,
                   .lost = 3};
  event.SetIdentity({.proof = Proof::kToken, .name = "bench-1"});
  event.SetDecision({.allowed = true, .rule = "line 7", .message = "why"}, *Policy::AllowAll());
  return event;
}

TEST(AuditEvent, IsALineOfJson) {
  EXPECT_EQ(AuditLine(Everything()),
            R"({"time":"2027-01-15T08:00:00.123Z","event":"memory.written","decision":"allowed",)"
            R"("identity":"token:bench-1","proof":"token","peer":"10.0.0.7:41234","client":"pyocd",)"
            R"("gateway":"certificate:gateway.example","method":"/probegate.v1.DebugProbe/Stream","probe":"7A22",)"
            R"("session":"3f2a90c1d2e4b5a6","lease":"0112be198e3e3c44","policy":"none","rule":"line 7","reason":"why",)"
            R"("bytes":4096,"first_address":"0x20000000","last_address":"0x20000fff","locks":2,"lost":3})"
            "\n");
}

TEST(AuditEvent, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(AuditLine({.kind = AuditKind::kSessionEnded, .time = absl::UnixEpoch(), .bytes = 0}),
            R"({"time":"1970-01-01T00:00:00.000Z","event":"session.ended","bytes":0})"
            "\n");
}

TEST(AuditEvent, HasARowForEachFieldAndKind) {
  const json line = json::parse(AuditLine(Everything()));
  std::set<std::string_view> fields;
  for (const AuditFieldRow& row : AuditFields()) {
    EXPECT_TRUE(line.contains(std::string(row.name))) << row.name;
    EXPECT_FALSE(row.meaning.empty());
    fields.insert(row.name);
  }
  EXPECT_EQ(fields.size(), line.size());
  for (size_t i = 0; i < AuditKinds().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(AuditKinds()[i].kind), i);
    EXPECT_FALSE(AuditKinds()[i].meaning.empty());
  }
  EXPECT_EQ(AuditKinds().back().kind, AuditKind::kEventsLost);
}

TEST(AuditEvent, IsDocumentedInTheWordsOfTheTables) {
  const std::string doc = Content(PROBEGATE_AUDIT_DOC);
  std::string fields;
  for (const AuditFieldRow& row : AuditFields()) {
    fields += "| `" + std::string(row.name) + "` | " + std::string(row.meaning) + " |\n";
  }
  EXPECT_THAT(doc, HasSubstr(fields));
  std::string kinds;
  for (const AuditKindRow& row : AuditKinds()) {
    kinds += "| `" + std::string(row.name) + "` | " + std::string(row.meaning) + " |\n";
  }
  EXPECT_THAT(doc, HasSubstr(kinds));
}

TEST(AuditEvent, StaysOneBoundedLineWhateverClientsSay) {
  AuditEvent event = Everything();
  for (std::string* const text : {&event.identity, &event.peer, &event.client, &event.gateway, &event.method,
                                  &event.probe, &event.session, &event.policy, &event.rule, &event.reason}) {
    *text = std::string("\"\\\n\r\xff\0\u2028", 9);
    while (text->size() < 100'000) text->append("\"\\");
  }
  const std::string line = AuditLine(event);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_LT(line.size(), 8192);
  EXPECT_TRUE(json::accept(line));
  EXPECT_THAT(line, EndsWith("\n"));
}

}  // namespace
}  // namespace probegate
