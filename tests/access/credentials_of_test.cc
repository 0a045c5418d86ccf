// What a connection of gRPC proves.
#include "access/grpc/credentials_of.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/certificates.h"

namespace probegate {
namespace {

absl::StatusOr<Credentials> Of(const ConnectionFacts& facts) {
  CertificateCache certificates;
  return CredentialsOf(facts, certificates);
}

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CredentialsOfTest, HasWhatTheTransportKnows) {
  const auto credentials = Of({.peer = {.address = "10.0.0.7:1", .host = "10.0.0.7", .client = "10.0.0.7"},
                               .protection = Protection::kUnix,
                               .uid = 1000});
  ASSERT_TRUE(credentials.ok());
  EXPECT_EQ(credentials->protection, Protection::kUnix);
  EXPECT_EQ(credentials->client, "10.0.0.7");
  EXPECT_EQ(credentials->uid, 1000u);
  EXPECT_FALSE(credentials->token);
  EXPECT_FALSE(credentials->certificate);
}

TEST(CredentialsOfTest, ReadsTheNamesInTheCertificate) {
  const std::string pem = MakeCertificate("Ci Runner", "DNS:ci.example").certificate;
  const auto credentials = Of({.protection = Protection::kTls, .certificate = pem});
  ASSERT_TRUE(credentials.ok() && credentials->certificate);
  EXPECT_THAT(credentials->certificate->dns, ElementsAre("ci.example"));
  EXPECT_EQ(Of({.protection = Protection::kTls, .certificate = "no PEM"}).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST(CredentialsOfTest, TakesOneBearerToken) {
  EXPECT_EQ(Of({.authorization = {"bEARER  pgt_x"}})->token, "pgt_x");
  for (const char* const other : {"Basic pgt_x", "Bearer", "Bearer ", "pgt_x", ""}) {
    const absl::Status refused = Of({.authorization = {other}}).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated) << other;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("pgt_"))) << other;
  }
  EXPECT_EQ(Of({.authorization = {"Bearer a", "Bearer b"}}).status().code(), absl::StatusCode::kUnauthenticated)
      << "which one counts is ambiguous";
}

}  // namespace
}  // namespace probegate
