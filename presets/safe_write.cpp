// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/safe_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace presets {

namespace {
namespace fs = std::filesystem;

core::Error cannotWrite(const fs::path& path, int reason) {
  return {"Cannot write \"" + path.string() + "\": " + std::strerror(reason) +
          ". Choose another place or free some space."};
}

/// A new empty file beside the place a path leads to, ready to take its place.
struct Beside {
  fs::path target;
  std::string temporary;
  int file = -1;
};
core::Result<Beside> openBeside(const fs::path& path) {
  std::error_code code;
  Beside out{fs::is_symlink(path, code) ? fs::weakly_canonical(path, code) : path, {}, -1};
  const fs::file_status status = fs::status(out.target, code);
  if (fs::is_directory(status)) return core::Error{"\"" + path.string() + "\" is a folder; give a file name."};
  if (fs::exists(status) && !fs::is_regular_file(status))
    return core::Error{"\"" + path.string() + "\" is not an ordinary file; choose another place."};
  if (!out.target.has_filename()) return core::Error{"\"" + path.string() + "\" names no file."};
  out.temporary = out.target.string() + ".XXXXXX";
  out.file = ::mkstemp(out.temporary.data());
  if (out.file < 0) return cannotWrite(path, errno);
  struct ::stat earlier {};
  ::fchmod(out.file, ::stat(out.target.c_str(), &earlier) == 0 ? earlier.st_mode & 07777U : 0644U);
  return out;
}

/// 0 or an errno.
int writeAll(int file, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : ENOSPC;
    done += static_cast<std::size_t>(n);
  }
  return ::fsync(file) == 0 ? 0 : errno;
}
}  // namespace

core::Result<void> safeWrite(const fs::path& path, const std::string& bytes) {
  const auto beside = openBeside(path);
  if (!beside) return beside.error();
  int reason = writeAll(beside->file, bytes);
  if (::close(beside->file) != 0 && !reason) reason = errno;
  if (!reason && ::rename(beside->temporary.c_str(), beside->target.c_str()) != 0) reason = errno;
  if (!reason) return {};
  ::unlink(beside->temporary.c_str());
  return cannotWrite(path, reason);
}

core::Result<void> checkPlace(const fs::path& path) {
  const auto beside = openBeside(path);
  if (!beside) return beside.error();
  ::close(beside->file);
  ::unlink(beside->temporary.c_str());
  return {};
}

}  // namespace presets
