// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the program as a script does: no display, its output and its exit code.
#pragma once

#include <QProcess>

namespace tests {

struct Run {
  int exit = -1;  ///< -1: it crashed, or did not end in time
  QByteArray out, err;
};
inline constexpr int kLongestRun = 300000;  ///< ms

/// folder: where it runs; empty: here.
inline Run run(const QStringList& arguments, const QString& folder = {}) {
  QProcess p;
  if (!folder.isEmpty()) p.setWorkingDirectory(folder);
  QProcessEnvironment e = QProcessEnvironment::systemEnvironment();
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) e.remove(name);
  p.setProcessEnvironment(e);
  p.start(TONEWRIGHT_PROGRAM, arguments);
  const bool ended = p.waitForFinished(kLongestRun);
  return {ended && p.exitStatus() == QProcess::NormalExit ? p.exitCode() : -1, p.readAllStandardOutput(),
          p.readAllStandardError()};
}

}  // namespace tests
