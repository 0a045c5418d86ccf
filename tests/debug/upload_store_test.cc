#include "debug/upload_store.h"

#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

class UploadStoreTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> Upload(const std::string& content) {
    auto incoming = store.Begin("host");
    if (!incoming.ok()) return incoming.status();
    if (const absl::Status status = (*incoming)->Append(content); !status.ok()) return status;
    return (*incoming)->Finish();
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder.path), {}));
  }
  TemporaryFolder folder;
  UploadStore store{folder.path, 100, 2};
};

TEST_F(UploadStoreTest, AFileCanBeTakenOnceByTheHostThatUploadedIt) {
  const auto name = Upload(
      "\x7f"
      "ELF");
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(name->starts_with("upload:"));
  EXPECT_EQ(store.Take(*name, "other").status().code(), absl::StatusCode::kNotFound);
  {
    const auto file = store.Take(*name, "host");
    ASSERT_TRUE(file.ok());
    EXPECT_TRUE(std::filesystem::exists((*file)->path()));
    EXPECT_EQ(store.Take(*name, "host").status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(files(), 1U);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(UploadStoreTest, LimitsTheSizeAndTheNumberOfFiles) {
  EXPECT_EQ(Upload("\x7f"
                   "ELF" +
                   std::string(97, 'x'))
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Upload("hello").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(files(), 0U);
  const auto incoming = store.Begin("host");
  EXPECT_TRUE(Upload("\x7f"
                     "ELF" +
                     std::string(96, 'x'))
                  .ok());
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(Upload("\x7f"
                   "ELF")
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(UploadStoreTest, CountsEachFileOnce) {
  auto incoming = *store.Begin("host");
  EXPECT_EQ(store.size(), 1U);
  ASSERT_TRUE(incoming
                  ->Append("\x7f"
                           "ELF")
                  .ok());
  ASSERT_TRUE(incoming->Finish().ok());
  EXPECT_EQ(store.size(), 1U);
  incoming = nullptr;
  EXPECT_EQ(store.size(), 1U);
}

}  // namespace
}  // namespace probegate
