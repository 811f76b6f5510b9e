// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/safe_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace presets {

core::Result<void> safeWrite(const std::filesystem::path& path, const std::string& bytes) {
  std::string temporary = path.string() + ".XXXXXX";
  const auto failed = [&](const char* what, int reason) {
    return core::Error{"Cannot " + std::string(what) + " \"" + path.string() + "\": " + std::strerror(reason) +
                       ". Choose another place or free some space."};
  };
  const int file = ::mkstemp(temporary.data());
  if (file < 0) return failed("write", errno);
  ::fchmod(file, 0644);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  int reason = done < bytes.size() ? (errno ? errno : ENOSPC) : 0;
  if (!reason && ::fsync(file) != 0) reason = errno;
  if (::close(file) != 0 && !reason) reason = errno;
  if (!reason && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason) {
    ::unlink(temporary.c_str());
    return failed("write", reason);
  }
  return {};
}

}  // namespace presets
