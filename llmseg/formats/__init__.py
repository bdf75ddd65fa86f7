"""Files in and out: NIfTI, DICOM series and structure sets, and folders of contours."""
