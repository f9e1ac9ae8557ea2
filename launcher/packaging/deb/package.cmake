# SPDX-License-Identifier: GPL-2.0-or-later
# Configures the Debian package.

# CPack would only warn, and make a package that depends on no library.
find_program(VMRUN_SHLIBDEPS dpkg-shlibdeps NO_CMAKE_SYSTEM_PATH)
if(NOT VMRUN_SHLIBDEPS)
	message(FATAL_ERROR "cannot find dpkg-shlibdeps, which finds the package's dependencies: "
			    "sudo apt-get install dpkg-dev")
endif()
configure_file(deb/changelog.in changelog.Debian @ONLY)
install(FILES deb/copyright ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
# AppArmor's file for a program has its path as name.
set(VMRUN_HELPER ${CMAKE_INSTALL_FULL_LIBEXECDIR}/vmrun/vmrun-netsetup)
string(SUBSTRING "${VMRUN_HELPER}" 1 -1 VMRUN_PROFILE)
string(REPLACE / . VMRUN_PROFILE "${VMRUN_PROFILE}")
configure_file(${taps}/vmrun-netsetup.apparmor.in ${VMRUN_PROFILE} @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${VMRUN_PROFILE}
	DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/apparmor.d)
foreach(file conffiles postinst postrm)
	configure_file(deb/${file}.in deb/${file} @ONLY)
endforeach()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
	"qemu-system-x86, qemu-utils, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "openssh-client")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "ovmf, qemu-system-modules-spice, swtpm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/deb/conffiles
	${CMAKE_CURRENT_BINARY_DIR}/deb/postinst ${CMAKE_CURRENT_SOURCE_DIR}/deb/prerm
	${CMAKE_CURRENT_BINARY_DIR}/deb/postrm)
