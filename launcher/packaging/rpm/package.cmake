# SPDX-License-Identifier: GPL-2.0-or-later
# Configures the Fedora package.
file(READ ${CMAKE_SOURCE_DIR}/netsetup/packaging/vmrun.sysusers VMRUN_SYSUSERS)
configure_file(rpm/pre.in rpm/pre @ONLY)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/vmrun)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "GPL-2.0-or-later")
set(CPACK_RPM_PACKAGE_SUMMARY "Virtual machines as members of the Wi-Fi LAN")
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_PACKAGE_GROUP "Applications/Emulators")
set(CPACK_RPM_PACKAGE_REQUIRES "qemu-system-x86-core, qemu-img, systemd")
set(CPACK_RPM_PACKAGE_SUGGESTS "edk2-ovmf, swtpm, virtiofsd, openssh-clients")
# The group must exist before the socket is made for it.
set(CPACK_RPM_PACKAGE_REQUIRES_PRE "systemd")
set(CPACK_RPM_PACKAGE_PROVIDES "user(vmrun), group(vmrun)")
set(CPACK_RPM_PRE_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_BINARY_DIR}/rpm/pre)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/postun)
# From 4.19 on, rpm would make the user by itself, on Debian with the group kvm as its first.
# Neither the time nor the machine of a build may reach the package.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none
%define __sysusers_path ^$
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost vmrun.invalid
%define packager ${CPACK_PACKAGE_CONTACT}")
set(CPACK_RPM_USER_FILELIST
	"%config(noreplace) ${CMAKE_INSTALL_FULL_SYSCONFDIR}/vmrun/netsetup.conf"
	"%license ${CMAKE_INSTALL_FULL_DATADIR}/licenses/vmrun/LICENSE")
# Other packages own these directories.
foreach(directory lib/NetworkManager lib/NetworkManager/conf.d lib/systemd lib/systemd/network
	lib/systemd/system lib/systemd/user lib/sysusers.d lib/udev lib/udev/rules.d libexec
	share/bash-completion share/bash-completion/completions share/fish
	share/fish/vendor_completions.d share/licenses share/man share/man/man1 share/man/man5
	share/man/man8 share/zsh share/zsh/site-functions)
	list(APPEND CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
		${CMAKE_INSTALL_PREFIX}/${directory})
endforeach()
