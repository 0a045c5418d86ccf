#include "debug/upload_store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

const std::string kElf =
    "\x7f"
    "ELF";
const Caller kClient(Peer{.address = "h:1", .host = "h", .client = "h"});
const Caller kOther(Peer{.address = "i:1", .host = "i", .client = "i"});

class UploadStoreTest : public testing::Test {
 protected:
  ~UploadStoreTest() override { timers.Stop(); }

  absl::StatusOr<std::string> Upload(const std::string& content, const Caller& caller = kClient) {
    auto incoming = store.Begin(caller);
    if (!incoming.ok()) return incoming.status();
    if (const absl::Status status = (*incoming)->Append(content); !status.ok()) return status;
    return (*incoming)->Finish();
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder.path), {}));
  }

  TemporaryFolder folder;
  UploadStore::Limits limits{.bytes = 100};
  Quota uploads{"uploads", {.all = 3, .per_client = 2}};
  Workers disk{1};
  Timers timers;
  UploadStore store{folder.path, limits, uploads, timers, disk};
};

TEST_F(UploadStoreTest, AFileCanBeTakenOnceByTheHostThatUploadedIt) {
  const auto name = Upload(kElf);
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(name->starts_with("upload:"));
  EXPECT_EQ(store.Take(*name, "other").status().code(), absl::StatusCode::kNotFound);
  {
    const auto file = store.Take(*name, "h");
    ASSERT_TRUE(file.ok());
    EXPECT_TRUE(std::filesystem::exists((*file)->path()));
    EXPECT_EQ(store.Take(*name, "h").status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(files(), 1U);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(UploadStoreTest, AFileBelongsToTheIdentityThatUploadedItWhereverItIs) {
  Caller caller(Peer{.address = "h:1", .host = "h", .client = "h"}, Identity{.proof = Proof::kToken, .name = "a"});
  caller.CountByIdentity();
  caller.limits.uploads = 1;
  const auto name = Upload(kElf, caller);
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(Upload(kElf, caller).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store.Take(*name, "h").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store.Take(*name, "token:a").ok());
}

TEST_F(UploadStoreTest, LimitsTheSizeAndTheContent) {
  EXPECT_EQ(Upload(kElf + std::string(97, 'x')).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Upload("hello").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(files(), 0U);
  EXPECT_TRUE(Upload(kElf + std::string(96, 'x')).ok());
}

TEST_F(UploadStoreTest, OneClientLeavesRoomForAnother) {
  const auto incoming = store.Begin(kClient);
  const auto name = Upload(kElf);
  EXPECT_TRUE(name.ok());
  const absl::Status refused = Upload(kElf).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("--max-uploads-per-client"));
  EXPECT_TRUE(Upload(kElf, kOther).ok());
  EXPECT_EQ(Upload(kElf, kOther).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(store.Take(*name, "h").ok());
  EXPECT_TRUE(Upload(kElf).ok());
}

TEST_F(UploadStoreTest, CountsEachFileOnce) {
  auto incoming = *store.Begin(kClient);
  EXPECT_EQ(uploads.usage().taken, 1U);
  ASSERT_TRUE(incoming->Append(kElf).ok());
  const auto name = incoming->Finish();
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(uploads.usage().taken, 1U);
  incoming = nullptr;
  EXPECT_EQ(uploads.usage().taken, 1U);
  store.Drop(*name);
  EXPECT_EQ(uploads.usage().taken, 0U);
  AwaitTrue([this] { return files() == 0; }, "the file is removed");
}

TEST_F(UploadStoreTest, ADiscardedFileIsGoneAtOnce) {
  const auto incoming = *store.Begin(kClient);
  ASSERT_TRUE(incoming->Append(kElf).ok());
  EXPECT_EQ(files(), 1U);
  incoming->Discard();
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(uploads.usage().taken, 0U);
}

TEST_F(UploadStoreTest, AFullDiskIsNotThisProgramsError) {
  std::filesystem::remove_all(folder.path);
  const absl::Status status = Upload(kElf).status();
  EXPECT_EQ(status.message(), "cannot store the ELF file in --work-dir: No such file or directory");
}

class ShortLivedUploadsTest : public UploadStoreTest {
 protected:
  ~ShortLivedUploadsTest() override { timers.Stop(); }

  UploadStore short_lived{folder.path, {.bytes = 100, .kept_for = std::chrono::milliseconds(1)}, uploads, timers, disk};
};

TEST_F(ShortLivedUploadsTest, AFileThatNoSessionTakesIsRemovedByItself) {
  for (int i = 0; i < 3; ++i) {
    const auto incoming = *short_lived.Begin(kClient);
    ASSERT_TRUE(incoming->Append(kElf).ok());
    const auto name = incoming->Finish();
    ASSERT_TRUE(name.ok());
    AwaitTrue([this] { return uploads.usage().taken == 0 && files() == 0; }, "the file is removed");
    EXPECT_FALSE(short_lived.Take(*name, "h").ok());
  }
}

}  // namespace
}  // namespace probegate
